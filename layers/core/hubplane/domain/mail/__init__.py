"""Mails to people: which there are, what each needs, and how they are written. Nothing here sends one.

``render(name, context)`` fills the templates of ``templates/``. A ``MailMessage`` asks for one over the mail queue.
"""

"""Mails to people: which there are, what each needs, and how they are written. Nothing here sends one.

``render(name, context)`` fills the templates of ``templates/``. Plain notices to operators about a build go over SNS and are in
``hubplane.domain.mails``; the same events as mails with HTML are here.
"""

"""The words of the mails: ``<name>.txt`` (subject and text) and ``<name>.html``, over one layout each.

In a ``.txt`` one paragraph is one line, which every reader wraps as it likes. Cognito's code placeholder cannot be written in a
template: ``{#`` would start a comment. It comes as a field.
"""

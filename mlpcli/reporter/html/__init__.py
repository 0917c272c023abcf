"""Reports to send: a Document of sections, tables and pictures, written as one HTML file or as Markdown.

`document.py` holds the forms, `model.py` and `studies.py` what a report says, `page.py` and `markdown.py` write it.
"""

"""A scorer that needs no key: a small encoder, fine-tuned for just what is asked here, run by numpy.

Read `inputs` for what it is shown, `encoder` and `heads` for what it computes, `weights` for where these come from.
"""

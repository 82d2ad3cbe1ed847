"""A scorer that needs no key: a small encoder, fine-tuned for these questions, run by numpy.

Read `inputs` for what the encoder is shown, `encoder` and `heads` for what it computes, `weights`
for where its numbers come from, and `scorer` for what becomes of its answers.
"""

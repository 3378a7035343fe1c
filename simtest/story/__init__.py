"""The story of one run as a page: `./coin simulate --explain SEED`.

`run_story` reads a run's folder, `lanes` and `panels` draw, `page` puts everything together. Nothing here judges: what
broke is the judge's word, and where it is shown is where the run says that the named order or moment was.
"""

from market_opinion.contracts import OPS_REJECTIONS as REJECTIONS
def render(query, domain, *, now, rejections): return "<html></html>"

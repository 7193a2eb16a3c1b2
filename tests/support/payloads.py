"""A hundred strings that a careless page, picture or app would run, load, obey or take for markup."""

from __future__ import annotations

SCRIPTS = (
    "<script>alert(1)</script>",
    "<ScRiPt src=//x.test/1.js></sCrIpT >",
    "</style></title></textarea><script src=//x.test/2.js></script>",
    "<scr<script>ipt>alert(2)</scr</script>ipt>",
    "--><script>alert(3)</script><!--",
    "]]><script>alert(4)</script><![CDATA[",
    "<noscript><p title='</noscript><script>alert(5)</script>'>",
    "<script\n>alert(6)\n</script\n>",
)
HANDLERS = (
    "<img src=x onerror=alert(7)>",
    "<body onload=alert(8)>",
    "<details open ontoggle=alert(9)>",
    "<input autofocus onfocus=alert(10)>",
    "<video src=x onerror=alert(11)><source onerror=alert(12)></video>",
    "<marquee onstart=alert(13)>m</marquee>",
    "<div style=animation-name:spin onanimationstart=alert(14)>",
)
ELEMENTS = (
    "<iframe src=//x.test/frame srcdoc='<script>alert(15)</script>'></iframe>",
    "<object data=//x.test/o></object><embed src=//x.test/e>",
    "<base href=//x.test/><a href=next>n</a>",
    "<meta http-equiv=refresh content='0;url=//x.test/'>",
    "<form action=//x.test/><button>go</button></form>",
    "<link rel=stylesheet href=//x.test/s.css><img srcset='//x.test/i.png 2x'>",
)
BROKEN_OUT = (
    '" onmouseover="alert(16)" x="',
    "' onmouseover='alert(17)' x='",
    '"><img src=x onerror=alert(18)>',
    "'><svg/onload=alert(19)>",
    "` onclick=alert(20) `",
    '" style="position:fixed;inset:0;background:url(//x.test/b)" ',
    "x autofocus onfocus=alert(21) ",
    '/><rect onclick="alert(22)"/><text x="',
)
PICTURES = (
    "<svg onload=alert(23)><animate onbegin=alert(24) attributeName=x dur=1s>",
    "</text><script>alert(25)</script><text>",
    "</svg><img src=//x.test/out.png>",
    "<svg><use href='data:image/svg+xml,<svg id=x onload=alert(26)/>#x'/></svg>",
    "<foreignObject><iframe src=//x.test/f></foreignObject>",
    "<math><mtext><mglyph><style><img src=x onerror=alert(27)></style></mglyph></mtext></math>",
    "<image href=//x.test/i.svg /><feImage href=//x.test/f.png />",
    '<?xml version="1.0"?><!DOCTYPE a [<!ENTITY e SYSTEM "file:///etc/passwd">]><a>&e;</a>',
)
STYLES = (
    "</style><style>@import '//x.test/i.css';</style>",
    "expression(alert(28))",
    "red; background: url(//x.test/c.png)",
    "} body { display: none } a {",
    "/* */ @font-face { src: url(//x.test/f.woff) } /*",
    "var(--paper); fill: url(#f) url(//x.test/g)",
)
ADDRESSES = (
    "javascript:alert(29)",
    "java\tscript:alert(30)",
    "&#106;avascript:alert(31)",
    "data:text/html,<script>alert(32)</script>",
    "vbscript:msgbox(33)",
    "http://x.test/a?b=c&d=e",
    "www.x.test and ftp://x.test/f",
    "<https://x.test> <a@x.test> a@x.test mailto:b@x.test",
)
MARKDOWN = (
    "[x](javascript:alert(34))",
    "![x](http://x.test/x.png)",
    "]](http://x.test) [![y](//x.test/y.png)](//x.test)",
    "[x][ref]\n\n[ref]: http://x.test 'title'",
    "# heading\n## heading",
    "setext\n======",
    "under\n---",
    "- item\n+ item\n* item\n1. item\n2) item",
    "- [x] done\n- [ ] open",
    "> quotation\n\n> [!WARNING]\n> alert",
    "```\ncode\n```\n~~~\ncode\n~~~\n````",
    "    indented code\n\tand a tab",
    "| a | b |\n|---|---|\n| c | d |",
    "*a* _b_ **c** __d__ ~~e~~ ***f*** `g` ``h``",
    "text[^1]\n\n[^1]: a note",
    "<!-- hidden --> <div>\n\n**html**\n\n</div>",
    "</details></summary><details open><summary>more",
    "\\[x\\]\\(y\\) \\\\ \\",
    "a  \nb\\\nc<br>d",
    ":::note\n$$x$$ $`y`$ @name #1 :tada: GH-1",
)
ENTITIES = (
    "&lt;script&gt;alert(35)&lt;/script&gt;",
    "&amp;lt;b&amp;gt; &amp;amp;",
    "&#x3c;img src=x onerror=alert(36)&#x3e; &#60",
    "%3Cscript%3Ealert(37)%3C/script%3E \\u003cscript\\u003e",
    "&notin; &nbsp;&shy;&#0; &unknown; &",
    "\uff1cscript\uff1ealert(38)\uff1c/script\uff1e",
)
TEMPLATES = (
    "{{ 7 * 7 }}{% raw %}{# c #}",
    "{{ ''.__class__.__mro__ }} ${7*7} #{7*7} <%= 7 %>",
    "{% include '/etc/passwd' %}{% endblock %}",
    'datum[\'x\'] + toString(event) {"expr": "1"}',
    ":material/home: :red[words] :streamlit: :blue-background[x]",
    "$\\frac{1}{2}$ $x_1^2$ \\input{/etc/passwd} \\end{document}",
    "$x^2$",
    "%s %n %d %(name)s {} {0.__class__} {name!r:>9} %",
)
SIGNS = (
    "nul\x00 bell\x07 escape\x1b[31m delete\x7f",
    "right\u202eleft \u2066isolated\u2069 \u200fmark",
    "zero\u200bwidth\u200djoined\ufeff soft\xadhyphen",
    "lone \ud800 and \udfff surrogates",
    "line\u2028paragraph\u2029next\x85vertical\x0bfeed\x0c",
    "one\r\ntwo\rthree\n\nSet-Cookie: x",
    "private \ue000 not a sign \uffff \U000e0041 variation\ufe0f",
)
WORDS = (
    "W" * 2_000,
    "a-" * 200 + "b",
    "🚀👩‍👩‍👧‍👦🏴󠁧󠁢󠁥󠁮󠁧󠁿 e\u0301 Z\u0351\u0343\u0322a\u0300\u0316lgo",
    "שלום עולם مرحبا بالعالم",
    "模型 한국어 にほんご देवनागरी বাংলা ไทย",
    "İıſß ﬁ Ⅻ ＡＢ \u1e9e",
)
NAMES = (
    "../../../../etc/passwd",
    "..\\..\\windows\\system32 C:\\nul con.txt",
    "file:///etc/passwd#x?y",
    "report.html/../x; rm -rf ~ && $(id) `id` | cat",
)
CELLS = (
    '=HYPERLINK("//x.test","x")',
    "+1+cmd|' /C calc'!A0",
    "@SUM(1+1)*-2",
    "-2+3",
)

PAYLOADS = (
    *(*SCRIPTS, *HANDLERS, *ELEMENTS, *BROKEN_OUT, *PICTURES, *STYLES, *ADDRESSES),
    *(*MARKDOWN, *ENTITIES, *TEMPLATES, *SIGNS, *WORDS, *NAMES, *CELLS),
)
"""All of them; some hold what no table of Polars can hold (lone surrogates)."""

HARMLESS = tuple(f"some words, number {number}" for number in range(len(PAYLOADS)))
"""Words in the place of the payloads: whatever these yield on a page is all that the payloads may yield."""

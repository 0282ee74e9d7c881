//! HTML to text: what a reader sees, and what he does not.

use besunny_testkit::hostile;
use proptest::prelude::*;

use super::*;

fn read_all(html: &str) -> HtmlText {
    html_to_text(html, &Caps::default())
}

fn check(html: &str, expected: &str) {
    let found = read_all(html);
    assert_eq!(found.text.expose().trim_end(), expected, "{html}");
    assert!(!found.flags.contains(Flag::HiddenTextRemoved), "{html}");
}

#[test]
fn mail_11_blocks_make_lines() {
    check("<p>one</p><p>two<br>three</p>", "one\n\ntwo\nthree");
    check("<div>one</div><div>two</div>three", "one\ntwo\nthree");
    check("a<br><br><br><br>b", "a\n\nb");
    check("  a \n <b>b</b>c <i> d</i>", "a bc d");
    check("<h1>T</h1>text<hr>more", "T\n\ntext\n---\nmore");
    check("a&nbsp;&amp;&lt;b&gt; &#9786; &eacute;", "a &<b> ☺ é");
    check("<pre>a\n  b\n\nc</pre>d", "a\n  b\n\nc\n\nd");
}

#[test]
fn mail_11_lists_are_readable() {
    check("<ul><li>a<li>b<ul><li>c</ul><li>d</ul>e", "- a\n- b\n  - c\n- d\ne");
    check("<ol start=3><li><p>a</p><li>b</ol>", "3. a\n\n4. b");
}

#[test]
fn mail_11_tables_are_readable() {
    check("<table><tr><th>a<th>b<tr><td>c<td>d</table>", "a | b\nc | d");
    check("<table><tr><td><p>a</p></td><td><p>b</p></td></tr></table>", "a | b");
    check("<table><tr><td>a<br>b</td><td>c</td></tr></table>", "a\nb\nc");
    check("<table><tr><td></td><td>a</td></tr></table>", "a");
    let layout = "<table><tr><td><table><tr><td>a</td></tr></table></td><td>b</td></tr></table>c";
    check(layout, "a\nb\nc");
}

#[test]
fn mail_11_links_keep_their_target() {
    check("<a href='https://a.org/x'>see</a>.", "see <https://a.org/x>.");
    check("<a href='https://a.org/'>a.org</a>", "a.org");
    check("<a href='javascript:x'>see</a>", "see");
    check("<a href='https://a.org'><img src=x></a>b", "b");
    check("<a href=https://a.org><div>see</div></a>b", "see <https://a.org>\nb");
    check(
        "<a href=https://a.org>one<a href=https://b.org>two",
        "one <https://a.org>two <https://b.org>",
    );
    let found = read_all("<a href='https://a.org/?x=1&amp;y=2'>a</a> https://b.org https://b.org");
    let links: Vec<&str> = found.links.iter().map(|link| link.expose().as_str()).collect();
    assert_eq!(links, ["https://a.org/?x=1&y=2", "https://b.org"]);
}

#[test]
fn mail_11_images_say_their_label() {
    check("<img alt='Logo' src=x>", "[Logo]");
    check("<img alt='t' width=1 height=1>x", "x");
    check(&format!("<img alt='{}'>x", "long ".repeat(40)), "x");
}

#[test]
fn mail_11_quotations_are_marked() {
    check(
        "a<blockquote type=cite>b<br>c<blockquote type=cite>d</blockquote></blockquote>e",
        "a\n\n> b\n> c\n>\n>> d\n\ne",
    );
    check(
        "<div class=gmail_quote>On x wrote:<blockquote class=gmail_quote>b</blockquote></div>",
        "On x wrote:\n\n> b",
    );
    check("<blockquote>indented</blockquote>", "indented");
}

#[test]
fn mail_11_what_is_no_text_is_dropped() {
    check("<title>t</title><script>x<b></script><style>p{}</style><!-- c -->a", "a");
    check("<!DOCTYPE html><html><head><meta charset=utf-8></head><body>a</body></html>", "a");
    check("a<!--[if mso]><p>b</p><![endif]-->c", "ac");
    check("<title>open <p>a", "open\n\na");
}

fn check_hidden(html: &str, expected: &str) {
    let found = read_all(html);
    assert_eq!(found.text.expose().trim_end(), expected, "{html}");
    assert!(found.flags.contains(Flag::HiddenTextRemoved), "{html}");
}

#[test]
fn c7_hidden_text_is_removed_and_flagged() {
    for hiding in [
        "style='display:none'",
        "style='DISPLAY:NONE !important'",
        "style='visibility:hidden'",
        "style='font-size:0'",
        "style='font-size:1px'",
        "style='opacity:0'",
        "style='color:#fff'",
        "style='color:#fefefe;background:white'",
        "style='color:rgb(10,10,10);background-color:#0a0a0a'",
        "style='color:transparent'",
        "style='position:absolute;left:-9999px'",
        "style='max-height:0;overflow:hidden'",
        "hidden",
        "class=h",
        "id=h",
    ] {
        let sheet = "<style>.h,#h{display:none}</style>";
        let found = read_all(&format!("{sheet}a<div {hiding}>evil <b>deed</b></div>b"));
        assert_eq!(found.text.expose().replace('\n', ""), "ab", "{hiding}");
        assert!(found.flags.contains(Flag::HiddenTextRemoved), "{hiding}");
        check_hidden(&format!("{sheet}a<span {hiding}>evil</span>b"), "ab");
    }
    check_hidden("a<template>evil</template>b", "ab");
    check_hidden("a<font color=white>evil</font>b", "ab");
    check_hidden("<body bgcolor=black><font color='#000000'>evil</font>b", "b");
    check_hidden(
        "<table><tr><td bgcolor=#102030 style='color:#102030'>evil</td><td>b</td></tr></table>",
        "b",
    );
}

#[test]
fn c7_hiding_ends_with_its_element() {
    check_hidden("<p hidden>evil<p>b", "b");
    check_hidden("<ul><li hidden>evil<li>b</ul>", "- b");
    check_hidden("<table><tr><td hidden>evil<td>b</table>", "b");
    check_hidden(
        "<table><tr><td><div style=display:none>evil</td><td>b</td></tr></table>c",
        "b\nc",
    );
    check_hidden("<div hidden>evil<div>evil</div>evil</div>b", "b");
    check_hidden(
        "<div style='visibility:hidden'>evil<b style='visibility:visible'>a</b></div>b",
        "a\nb",
    );
    check_hidden("<td style='font-size:0'>evil<p style='font-size:14px'>a</p></td>", "a");
}

#[test]
fn visible_text_is_not_taken_for_hidden() {
    check("<td style='font-size:0px'> <div style='font-size:13px'>a</div></td>", "a");
    check("<td bgcolor=#003366><font color=white>a</font></td>", "a");
    check("<td background=x.png><font color=white>a</font></td>", "a");
    check("<div style='background:url(x)'><span style='color:#fff'>a</span></div>", "a");
    check("<style>.t .b{background:#000}</style><b style='color:white'>a</b>", "a");
    check("<style>.b{background:#000}</style><p class=b><b style='color:white'>a</b>", "a");
    check("<p style='color:white'><a href='https://a.org'>a</a>", "a <https://a.org>");
    check("<div style='display:none'>&nbsp;&zwnj;&#8203;</div>a", "a");
    check("<style>@media (max-width:9px){.m{display:none}}</style><p class=m>a", "a");
}

#[test]
fn c7_invisible_characters_are_removed() {
    let found = read_all("pay&#8203;pal &#x202e;x &#xE0041;");
    assert_eq!(found.text.expose(), "paypal x\n");
    assert!(found.flags.contains(Flag::InvisibleCharactersRemoved));
    check("👩&zwj;💻", "👩\u{200d}💻");
}

#[test]
fn links_in_hidden_text_do_not_count() {
    let found = read_all("<div hidden><a href='https://drive.google.com/file/d/1'>x</a></div>a");
    assert_eq!((found.links.len(), found.drive_links.len()), (0, 0));
}

#[test]
fn broken_html_keeps_its_text() {
    check("a < b <3 c", "a < b <3 c");
    check("</p></div></nothing>a</b>", "a");
    check("<b><i>a</b></i>b</table>", "ab");
    check("a&copy", "a©");
    check(
        &format!("<a title='{}' href=https://a.org>a</a>b", "x>".repeat(3_000)),
        "a <https://a.org>b",
    );
    check(&format!("<img src='data:image/png;base64,{}' alt=L>b", "A/+\n".repeat(9_000)), "[L]b");
    check(&format!("a<!-- {} -->b", "x > < y ".repeat(2_000)), "ab");
    check(&format!("a<?php {}>b", "x".repeat(9_000)), "ab");
}

#[test]
fn c8_hostile_html_stays_cheap() {
    let sizes = hostile::Sizes { field: 0, text: 0, page: 512 * 1024 };
    for (name, make) in hostile::pages(sizes) {
        let found = read_all(&make());
        assert!(found.text.expose().len() <= Caps::default().text_bytes + 1, "{name}");
    }
}

#[test]
fn c8_html_has_caps() {
    let caps = Caps { html_bytes: 10, text_bytes: 5, ..Caps::default() };
    let found = html_to_text("<p>abc</p>é</p>", &caps);
    assert_eq!(found.text.expose(), "abc\n");
    assert!(found.flags.contains(Flag::HtmlCut));
    let found = html_to_text("abcd efgh i", &caps);
    assert_eq!(found.text.expose(), "abcd\n");
    assert!(found.flags.contains(Flag::TextCut));
}

proptest! {
    #[test]
    fn reading_never_panics(html in "(<[a-z/!-]{0,6}|[a-z]+=['\"]?|>|-->|&#?[a-z0-9]*;?|[ \n'\"]|\\PC){0,80}") {
        let found = read_all(&html);
        prop_assert!(found.text.expose().is_empty() || found.text.expose().ends_with('\n'));
    }

    #[test]
    fn plain_words_come_out_as_they_are(words in prop::collection::vec("[a-z]{1,8}", 1..20)) {
        let html = format!("<div><span>{}</span></div>", words.join("</span> <span>"));
        let found = read_all(&html);
        prop_assert_eq!(found.text.expose().trim_end(), words.join(" "));
    }
}

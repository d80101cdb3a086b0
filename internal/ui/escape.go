package ui

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Escape writes control characters, bytes that are no UTF-8, and characters that
// change the order or place of others on the screen, as \n, \x1b or \u202e. The
// result is one line that shows what the text is.
func Escape(text string) string {
	if !strings.ContainsFunc(text, needsEscape) && utf8.ValidString(text) {
		return text
	}
	var b strings.Builder
	for i, r := range text {
		switch {
		case r == utf8.RuneError && !strings.HasPrefix(text[i:], string(utf8.RuneError)):
			b.WriteString(hex(`\x`, rune(text[i]), 2))
		case !needsEscape(r):
			b.WriteRune(r)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\r':
			b.WriteString(`\r`)
		case r == '\t':
			b.WriteString(`\t`)
		case r < 0x80:
			b.WriteString(hex(`\x`, r, 2))
		case r <= 0xffff:
			b.WriteString(hex(`\u`, r, 4))
		default:
			b.WriteString(hex(`\U`, r, 8))
		}
	}
	return b.String()
}

// needsEscape is true of control (Cc), format (Cf), line and paragraph separators.
func needsEscape(r rune) bool {
	return unicode.IsControl(r) || unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp)
}

func hex(prefix string, r rune, digits int) string {
	text := []byte(prefix)
	for shift := 4 * (digits - 1); shift >= 0; shift -= 4 {
		text = append(text, "0123456789abcdef"[r>>shift&15])
	}
	return string(text)
}

// cut shortens a line to so many columns, with an ellipsis.
func cut(line string, columns int) string {
	if columns <= 0 || utf8.RuneCountInString(line) <= columns {
		return line
	}
	runes := []rune(line)
	return string(runes[:columns-1]) + "…"
}

package repo

import (
	"fmt"
	"strings"
	"unicode"
)

// isBlankOrControl reports whether the character would split or spoil a record
// of one line: blanks, line and paragraph separators, control and format
// characters.
func isBlankOrControl(c rune) bool {
	return unicode.IsSpace(c) || unicode.IsControl(c) || unicode.Is(unicode.Cf, c)
}

// isDigits reports whether text is one or more decimal digits.
func isDigits(text string) bool {
	for i := range len(text) {
		if text[i] < '0' || text[i] > '9' {
			return false
		}
	}
	return text != ""
}

// escape writes the characters that must not be printed as \xNN or \uNNNN.
func escape(text string, forbidden func(rune) bool) string {
	if strings.IndexFunc(text, forbidden) < 0 {
		return text
	}
	var b strings.Builder
	for _, c := range text {
		switch {
		case !forbidden(c):
			b.WriteRune(c)
		case c < 0x100:
			fmt.Fprintf(&b, `\x%02x`, c)
		default:
			fmt.Fprintf(&b, `\u%04x`, c)
		}
	}
	return b.String()
}

// oneLine makes text fit to print: names in a repository may hold anything.
func oneLine(text string) string {
	return escape(text, func(c rune) bool { return c != ' ' && isBlankOrControl(c) })
}

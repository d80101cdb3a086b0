package plan

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// visible returns text that can be printed: control characters and bytes that are
// no UTF-8 are escaped.
func visible(text string) string {
	if utf8.ValidString(text) && !strings.ContainsFunc(text, unicode.IsControl) {
		return text
	}
	quoted := strconv.QuoteToASCII(text)
	return quoted[1 : len(quoted)-1]
}

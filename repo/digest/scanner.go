package digest

import (
	"encoding/json"
	"strconv"
	"strings"
)

// A scanner reads a line from its begin; the first thing that is not as expected
// makes it fail for good.
type scanner struct {
	text string
	ok   bool
}

// end reports whether the line was as expected, up to its end.
func (s *scanner) end() bool { return s.ok && s.text == "}" }

// skip passes over the text that must come next.
func (s *scanner) skip(prefix string) {
	rest, found := strings.CutPrefix(s.text, prefix)
	s.text, s.ok = rest, s.ok && found
}

// hex returns the next n bytes behind the prefix.
func (s *scanner) hex(prefix string, n int) string {
	s.skip(prefix)
	if len(s.text) < n {
		s.ok = false
		return ""
	}
	taken := s.text[:n]
	s.text = s.text[n:]
	return taken
}

func (s *scanner) digits(prefix string) string {
	s.skip(prefix)
	n := 0
	for n < len(s.text) && (s.text[n] == '-' || s.text[n] >= '0' && s.text[n] <= '9') {
		n++
	}
	return s.hex("", n)
}

// integer reads the number behind the prefix.
func (s *scanner) integer(prefix string) int64 {
	n, err := strconv.ParseInt(s.digits(prefix), 10, 64)
	s.ok = s.ok && err == nil
	return n
}

// natural reads the number behind the prefix.
func (s *scanner) natural(prefix string) uint64 {
	n, err := strconv.ParseUint(s.digits(prefix), 10, 64)
	s.ok = s.ok && err == nil
	return n
}

// quoted reads the JSON string behind the prefix.
func (s *scanner) quoted(prefix string) string {
	s.skip(prefix)
	if !strings.HasPrefix(s.text, `"`) {
		s.ok = false
		return ""
	}
	end := 1
	for end < len(s.text) && s.text[end] != '"' {
		if s.text[end] == '\\' {
			end++
		}
		end++
	}
	if end >= len(s.text) {
		s.ok = false
		return ""
	}
	raw := s.text[:end+1]
	s.text = s.text[end+1:]
	if !strings.Contains(raw, `\`) {
		return raw[1 : len(raw)-1]
	}
	var text string
	s.ok = json.Unmarshal([]byte(raw), &text) == nil && s.ok
	return text
}

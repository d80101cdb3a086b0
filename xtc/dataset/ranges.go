package dataset

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// A Range is the numbers First to Last, both included. It is empty where Last is
// below First.
type Range struct{ First, Last uint32 }

// Contains reports whether n lies in the range.
func (r Range) Contains(n int) bool {
	return int64(r.First) <= int64(n) && int64(n) <= int64(r.Last)
}

// String returns "260" or "258-262".
func (r Range) String() string {
	if r.First == r.Last {
		return strconv.FormatUint(uint64(r.First), 10)
	}
	return fmt.Sprintf("%d-%d", r.First, r.Last)
}

// Ranges is a list of runs or streams as it was written. It is never expanded, so
// that "0-4294967295" costs nothing.
type Ranges []Range

// Contains reports whether n lies in one of the ranges.
func (r Ranges) Contains(n int) bool {
	return slices.ContainsFunc(r, func(one Range) bool { return one.Contains(n) })
}

// Empty reports whether no number lies in the ranges.
func (r Ranges) Empty() bool {
	return !slices.ContainsFunc(r, func(one Range) bool { return one.First <= one.Last })
}

// String returns the list as a data set string has it, "54,260-264".
func (r Ranges) String() string {
	parts := make([]string, len(r))
	for i, one := range r {
		parts[i] = one.String()
	}
	return strings.Join(parts, ",")
}

// ParseRanges reads a list of runs as an option gives it, "1-20,25": numbers and
// ranges that run forwards, none of them empty.
func ParseRanges(text string) (Ranges, error) {
	list, reason := parseRanges(text)
	if reason == "" && len(list) == 0 {
		reason = "no number"
	}
	for _, one := range list {
		if reason == "" && one.Last < one.First {
			reason = fmt.Sprintf("range %s runs backwards", one)
		}
	}
	if reason != "" {
		return nil, fmt.Errorf("%q: %s; write runs like 1-20,25", text, reason)
	}
	return list, nil
}

// parseRanges reads a comma list of N and N-M. Empty items are ignored and "N-"
// is N, as psana has it; the reason is empty where all is well.
func parseRanges(text string) (list Ranges, reason string) {
	for item := range strings.SplitSeq(text, ",") {
		if item = strings.TrimSpace(item); item == "" {
			continue
		}
		first, last, _ := strings.Cut(item, "-")
		first, last = strings.TrimSpace(first), strings.TrimSpace(last)
		if last == "" {
			last = first
		}
		low, lowErr := strconv.ParseUint(first, 10, 32)
		high, highErr := strconv.ParseUint(last, 10, 32)
		if lowErr != nil || highErr != nil {
			return nil, fmt.Sprintf("%q is neither a number nor a range of numbers like 258-262", item)
		}
		list = append(list, Range{uint32(low), uint32(high)})
	}
	return list, ""
}

// rangesOf writes ascending numbers as compactly as possible.
func rangesOf(numbers []int) Ranges {
	var list Ranges
	for _, n := range numbers {
		if last := len(list) - 1; last >= 0 && int64(n) <= int64(list[last].Last)+1 {
			list[last].Last = uint32(n)
			continue
		}
		list = append(list, Range{uint32(n), uint32(n)})
	}
	return list
}

// some joins the items, at most limit of them, and says how many more there are.
// Items come from directories and files: control characters are escaped.
func some(items []string, limit int) string {
	shown := slices.Clone(items[:min(limit, len(items))])
	for i, item := range shown {
		if strings.ContainsFunc(item, unicode.IsControl) {
			shown[i] = strconv.Quote(item)
		}
	}
	text := strings.Join(shown, ", ")
	if more := len(items) - len(shown); more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}

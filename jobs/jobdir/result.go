package jobdir

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"time"

	"deployconstants/internal/atomicfile"
)

// maxCompletion bounds the last line of a result, in bytes.
const maxCompletion = 1 << 20

// A Completion is the last line of a result.
type Completion struct {
	Format int    `json:"result"`
	Job    string `json:"job"`
	Step   Step   `json:"step"`
	Shard  int    `json:"shard"`
	Who
	Ended       time.Time       `json:"ended"` // UTC
	Experiments int             `json:"experiments"`
	Lines       int             `json:"lines"`              // before this one
	Failures    map[string]int  `json:"failures,omitempty"` // number of what was not done, by cause
	SHA256      string          `json:"sha256"`             // of the lines before
	Extra       json.RawMessage `json:"extra,omitempty"`    // of the step
}

func resultName(step Step, shard int) string { return numbered(step, "results", shard, ".jsonl") }

// publishResult publishes the result of a shard, unless it has one.
func (j *Job) publishResult(items []Item, c Completion, extra any) error {
	var text bytes.Buffer
	for _, item := range items {
		for _, line := range item.Lines {
			if err := json.Compact(&text, line); err != nil {
				return err
			}
			text.WriteByte('\n')
			c.Lines++
		}
	}
	sum := sha256.Sum256(text.Bytes())
	c.SHA256 = hex.EncodeToString(sum[:])
	if extra != nil {
		var err error
		if c.Extra, err = encode(extra); err != nil {
			return err
		}
	}
	last, err := encode(c)
	if err != nil {
		return err
	}
	if len(last) > maxCompletion {
		return fmt.Errorf("the end of the result takes %d bytes, at most %d", len(last), maxCompletion)
	}
	text.Write(last)
	_, err = j.publish(resultName(c.Step, c.Shard), &text, true)
	if errors.Is(err, atomicfile.ErrExists) { // of another attempt
		_, err = j.Result(c.Step, c.Shard)
	}
	return err
}

// Result returns how a shard ended. Errors wrap ErrNoResult, ErrDamaged or what the
// system returned. Only the end of the file is read: Lines checks the rest.
func (j *Job) Result(step Step, shard int) (Completion, error) {
	file, err := atomicfile.OpenRegular(j.path(resultName(step, shard)), os.O_RDONLY)
	if errors.Is(err, fs.ErrNotExist) {
		return Completion{}, fmt.Errorf("step %s, shard %d: %w", step, shard, ErrNoResult)
	}
	if err != nil {
		return Completion{}, err
	}
	defer file.Close() // only read
	c, _, err := j.completion(file, step, shard)
	return c, err
}

// completion reads the last line, and where it begins.
func (j *Job) completion(file *os.File, step Step, shard int) (c Completion, at int64, err error) {
	damaged := func(err error) (Completion, int64, error) {
		return Completion{}, 0, fmt.Errorf("%s: %w: %w", file.Name(), ErrDamaged, err)
	}
	info, err := file.Stat()
	if err != nil {
		return Completion{}, 0, err
	}
	for length := min(info.Size(), 4<<10); ; length = min(info.Size(), maxCompletion) {
		tail := make([]byte, length)
		if _, err := file.ReadAt(tail, info.Size()-length); err != nil && err != io.EOF {
			return Completion{}, 0, err
		}
		tail, whole := bytes.CutSuffix(tail, []byte{'\n'})
		begin := bytes.LastIndexByte(tail, '\n') + 1
		if begin == 0 && length < info.Size() && length < maxCompletion {
			continue
		}
		if !whole || begin == 0 && length < info.Size() {
			return damaged(errors.New("without its last line"))
		}
		if err := json.Unmarshal(tail[begin:], &c); err != nil {
			return damaged(err)
		}
		if c.Format != Format || c.Job != j.ID() || c.Step != step || c.Shard != shard || !isDigest(c.SHA256) {
			return damaged(fmt.Errorf("it is of job %q, step %q, shard %d, format %d", c.Job, c.Step, c.Shard, c.Format))
		}
		return c, info.Size() - length + int64(begin), nil
	}
}

// Lines returns the lines of a result, without their newlines; each is valid until the
// next. After an error they end. What is not what was written is an error that wraps
// ErrDamaged, at the end.
func (j *Job) Lines(step Step, shard int) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		if err := j.lines(step, shard, yield); err != nil {
			yield(nil, err)
		}
	}
}

func (j *Job) lines(step Step, shard int, yield func([]byte, error) bool) error {
	file, err := atomicfile.OpenRegular(j.path(resultName(step, shard)), os.O_RDONLY)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("step %s, shard %d: %w", step, shard, ErrNoResult)
	}
	if err != nil {
		return err
	}
	defer file.Close() // only read
	c, at, err := j.completion(file, step, shard)
	if err != nil {
		return err
	}
	hash := sha256.New()
	in := bufio.NewReaderSize(io.TeeReader(io.NewSectionReader(file, 0, at), hash), 64<<10)
	lines := 0
	for {
		line, err := readLine(in)
		if err == io.EOF {
			break
		}
		if err != nil {
			return fmt.Errorf("%s: %w: %w", file.Name(), ErrDamaged, err)
		}
		if lines++; !yield(line, nil) {
			return nil
		}
	}
	if got := hex.EncodeToString(hash.Sum(nil)); got != c.SHA256 || lines != c.Lines {
		return fmt.Errorf("%s: %w: %d lines with digest %s", file.Name(), ErrDamaged, lines, got)
	}
	return nil
}

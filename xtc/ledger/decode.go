package ledger

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/parquet-go/parquet-go"
)

// decoded is a row group whose numbers of texts and kinds are its own as yet.
type decoded struct {
	part  *part
	texts []string
	kinds []Source
}

// decode reads a row group by column: a page at a time, dictionaries once, numbers
// in bulk. A row struct a row would take ten times as long.
func decode(group parquet.RowGroup) (_ *decoded, err error) {
	defer recovered(&err)
	c := columns{chunks: group.ColumnChunks(), rows: int(group.NumRows())}
	d := &decoded{part: new(part)}

	source := c.texts(colSource)
	runs := 0
	for _, i := range source.at {
		if source.values[i] == "" {
			runs++
		}
	}
	d.part.runs = make([]runRow, runs+1)
	d.part.kinds = make([]int32, 0, c.rows-runs)
	d.runs(&c, source)
	d.sources(&c, source)
	d.files(&c, source)
	if c.err != nil {
		return nil, c.err
	}
	return d, d.check()
}

// runs fills in what runs have of their own.
func (d *decoded) runs(c *columns, source texts) {
	experiment, number := c.texts(colExperiment), c.int32s(colRun)
	instrument, dir, cause := c.texts(colInstrument), c.texts(colDir), c.texts(colCause)
	configure, begin, scanned := c.int64s(colConfigure), c.int64s(colBegin), c.int64s(colScanned)
	if c.err != nil {
		return
	}
	base := func(t texts) int32 {
		first := int32(len(d.texts))
		d.texts = append(d.texts, t.values...)
		return first
	}
	experiments, instruments, dirs, causes := base(experiment), base(instrument), base(dir), base(cause)
	run, held := -1, uint32(0)
	for i, at := range source.at {
		if source.values[at] != "" {
			if run < 0 || number[i] != d.part.runs[run].number || experiments+experiment.at[i] != d.part.runs[run].experiment {
				c.fail(fmt.Errorf("row %d: a source without the row of its run before it", i))
				return
			}
			held++
			continue
		}
		run++
		d.part.runs[run] = runRow{
			experiment: experiments + experiment.at[i], instrument: instruments + instrument.at[i],
			dir: dirs + dir.at[i], cause: causes + cause.at[i],
			number: number[i], configure: configure[i], begin: begin[i], scanned: scanned[i],
			firstSource: held,
		}
	}
	d.part.runs[run+1].firstSource = held
}

// sources numbers the distinct sources.
func (d *decoded) sources(c *columns, source texts) {
	alias, typ, id := c.texts(colAlias), c.texts(colType), c.texts(colID)
	class, cause, version := c.texts(colClass), c.texts(colSourceCause), c.int32s(colVersion)
	isName := c.bools(colIDIsName)
	if c.err != nil {
		return
	}
	type key struct {
		name, alias, typ, id, class, cause, version int32
		isName                                      bool
	}
	numbers := make(map[key]int32)
	for i, at := range source.at {
		if source.values[at] == "" {
			continue
		}
		k := key{at, alias.at[i], typ.at[i], id.at[i], class.at[i], cause.at[i], version[i], isName[i]}
		number, known := numbers[k]
		if !known {
			number = int32(len(d.kinds))
			numbers[k] = number
			d.kinds = append(d.kinds, Source{
				Name: source.values[k.name], Alias: alias.values[k.alias], Type: typ.values[k.typ],
				ID: id.values[k.id], IDIsName: k.isName,
				Class: class.values[k.class], Version: int(k.version), Cause: cause.values[k.cause],
			})
		}
		d.part.kinds = append(d.part.kinds, number)
	}
}

// files gives the runs their files.
func (d *decoded) files(c *columns, source texts) {
	f := &d.part.files
	counts := c.lists(colFileName, func(page parquet.Page) {
		data := page.Data()
		names, ends := data.ByteArray()
		if len(ends) == 0 {
			return
		}
		shift := uint32(len(f.names)) - ends[0]
		f.names = append(f.names, names[ends[0]:ends[len(ends)-1]]...)
		for _, end := range ends[1:] {
			f.nameEnds = append(f.nameEnds, end+shift)
		}
	})
	sizes := c.lists(colFileSize, func(page parquet.Page) { f.sizes = append(f.sizes, int64sOf(page)...) })
	times := c.lists(colFileModTime, func(page parquet.Page) { f.modTimes = append(f.modTimes, int64sOf(page)...) })
	if c.err != nil {
		return
	}
	run, held := 0, uint32(0)
	for i, at := range source.at {
		if counts[i] != sizes[i] || counts[i] != times[i] {
			c.fail(fmt.Errorf("row %d: files with and without name, size or time", i))
			return
		}
		if source.values[at] == "" {
			d.part.runs[run].firstFile = held
			run++
		} else if counts[i] != 0 {
			c.fail(fmt.Errorf("row %d: a source with files", i))
			return
		}
		held += counts[i]
	}
	d.part.runs[run].firstFile = held
	if total := int(held); len(f.nameEnds) != total || len(f.sizes) != total || len(f.modTimes) != total {
		c.fail(errors.New("files without name, size or time"))
	}
	f.clip()
}

// check applies the rules of records to what was read.
func (d *decoded) check() error {
	for _, text := range d.texts {
		if len(text) > maxText {
			return errors.New("a text of more than 4096 bytes")
		}
	}
	for i := range d.kinds {
		if reason := d.kinds[i].problem(); reason != "" {
			return errors.New(reason)
		}
	}
	p := d.part
	for i := range p.runs[:len(p.runs)-1] {
		row := &p.runs[i]
		if row.number < 0 || d.texts[row.experiment] == "" {
			return fmt.Errorf("a record of %q run %d", d.texts[row.experiment], row.number)
		}
		first, last := p.fileRange(uint32(i))
		if last-first > maxFiles {
			return fmt.Errorf("a run of %d files", last-first)
		}
		for j := first; j < last; j++ {
			size := len(p.files.name(j))
			if size < 1 || size > maxText || p.files.sizes[j] < 0 {
				return fmt.Errorf("a file of %d bytes with a name of %d bytes", p.files.sizes[j], size)
			}
			if j > first && string(p.files.name(j-1)) >= string(p.files.name(j)) {
				return errors.New("files that are not sorted by name")
			}
		}
		kinds := p.sources(uint32(i))
		for j := 1; j < len(kinds); j++ {
			if d.kinds[kinds[j-1]].Name >= d.kinds[kinds[j]].Name {
				return errors.New("sources that are not sorted by name")
			}
		}
	}
	return nil
}

// columns reads the columns of a row group. The first error stays.
type columns struct {
	chunks []parquet.ColumnChunk
	rows   int
	err    error
}

// texts is a column of texts: for each row the place of its value.
type texts struct {
	values []string
	at     []int32
}

func (c *columns) fail(err error) {
	if c.err == nil {
		c.err = err
	}
}

// pages visits the pages of a column, whose memory is theirs only until visit
// returns, and counts the values.
func (c *columns) pages(column int, visit func(parquet.Page) error) {
	if c.err != nil {
		return
	}
	pages := c.chunks[column].Pages()
	defer pages.Close()
	limit, values := c.chunks[column].NumValues(), int64(0)
	for {
		page, err := pages.ReadPage()
		if errors.Is(err, io.EOF) {
			break
		}
		if err == nil {
			if values += page.NumValues(); values > limit {
				err = fmt.Errorf("more than %d values", limit)
			} else {
				err = visit(page)
			}
			parquet.Release(page)
		}
		if err != nil {
			c.fail(fmt.Errorf("column %s: %w", strings.Join(schema.Columns()[column], "."), err))
			return
		}
	}
	if values != limit {
		c.fail(fmt.Errorf("column %s: %d values instead of %d", strings.Join(schema.Columns()[column], "."), values, limit))
	}
}

// texts reads a column of texts, with or without a dictionary.
func (c *columns) texts(column int) texts {
	t := texts{at: make([]int32, 0, c.rows)}
	plain := make(map[string]int32)
	var dictionary parquet.Dictionary
	var first int32 // of the dictionary in values
	c.pages(column, func(page parquet.Page) error {
		if page.Dictionary() == nil {
			data := page.Data()
			bytes, ends := data.ByteArray()
			for i := 1; i < len(ends); i++ {
				text := bytes[ends[i-1]:ends[i]]
				at, known := plain[string(text)]
				if !known {
					at = int32(len(t.values))
					t.values = append(t.values, string(text))
					plain[string(text)] = at
				}
				t.at = append(t.at, at)
			}
			return nil
		}
		if page.Dictionary() != dictionary {
			dictionary, first = page.Dictionary(), int32(len(t.values))
			for i := range dictionary.Len() {
				t.values = append(t.values, string(dictionary.Index(int32(i)).ByteArray()))
			}
		}
		size := uint32(dictionary.Len())
		for _, i := range int32sOf(page) {
			if uint32(i) >= size {
				return fmt.Errorf("entry %d of a dictionary of %d", i, size)
			}
			t.at = append(t.at, first+i)
		}
		return nil
	})
	if c.err == nil && len(t.at) != c.rows {
		c.fail(fmt.Errorf("column %s: %d of %d values", strings.Join(schema.Columns()[column], "."), len(t.at), c.rows))
	}
	return t
}

// int64s reads a column of optional numbers; NULL is 0.
func (c *columns) int64s(column int) []int64 {
	numbers := make([]int64, 0, c.rows)
	c.pages(column, func(page parquet.Page) error {
		value, err := int64At(page)
		if err != nil {
			return err
		}
		present := 0
		for _, level := range page.DefinitionLevels() {
			number := int64(0)
			if level != 0 {
				if number, err = value(present); err != nil {
					return err
				}
				present++
			}
			numbers = append(numbers, number)
		}
		return nil
	})
	if c.err == nil && len(numbers) != c.rows {
		c.fail(fmt.Errorf("column %s: %d of %d values", strings.Join(schema.Columns()[column], "."), len(numbers), c.rows))
	}
	return numbers
}

// int64At returns the function that gives the i-th number of a page.
func int64At(page parquet.Page) (func(i int) (int64, error), error) {
	dictionary := page.Dictionary()
	if dictionary == nil {
		values := int64sOf(page)
		return func(i int) (int64, error) { return values[i], nil }, nil
	}
	at, values := int32sOf(page), int64sOf(dictionary.Page())
	return func(i int) (int64, error) {
		if uint(at[i]) >= uint(len(values)) {
			return 0, fmt.Errorf("entry %d of a dictionary of %d", at[i], len(values))
		}
		return values[at[i]], nil
	}, nil
}

// int32s reads a column of numbers.
func (c *columns) int32s(column int) []int32 {
	numbers := make([]int32, 0, c.rows)
	c.pages(column, func(page parquet.Page) error {
		if page.Dictionary() != nil {
			return errors.New("a dictionary of numbers")
		}
		numbers = append(numbers, int32sOf(page)...)
		return nil
	})
	if c.err == nil && len(numbers) != c.rows {
		c.fail(fmt.Errorf("column %s: %d of %d values", strings.Join(schema.Columns()[column], "."), len(numbers), c.rows))
	}
	return numbers
}

// bools reads a column of truth values.
func (c *columns) bools(column int) []bool {
	values := make([]bool, 0, c.rows)
	c.pages(column, func(page parquet.Page) error {
		if page.Dictionary() != nil {
			return errors.New("a dictionary of truth values")
		}
		data := page.Data()
		bits := data.Boolean()
		for i := range int(page.NumValues()) {
			values = append(values, bits[i/8]>>(i%8)&1 != 0)
		}
		return nil
	})
	return values
}

// lists reads a column of lists: take gets the pages, and the result is the number
// of elements in each row.
func (c *columns) lists(column int, take func(parquet.Page)) []uint32 {
	counts := make([]uint32, 0, c.rows)
	c.pages(column, func(page parquet.Page) error {
		if page.Dictionary() != nil {
			return errors.New("a dictionary in the list of files")
		}
		repeated, defined := page.RepetitionLevels(), page.DefinitionLevels()
		if len(repeated) != len(defined) {
			return fmt.Errorf("%d and %d levels", len(repeated), len(defined))
		}
		for i, level := range repeated {
			if level == 0 {
				if len(counts) == c.rows {
					return errors.New("more lists than rows")
				}
				counts = append(counts, 0)
			} else if len(counts) == 0 {
				return errors.New("a list without beginning")
			}
			counts[len(counts)-1] += uint32(defined[i])
		}
		take(page)
		return nil
	})
	if c.err == nil && len(counts) != c.rows {
		c.fail(fmt.Errorf("column %s: %d of %d lists", strings.Join(schema.Columns()[column], "."), len(counts), c.rows))
	}
	return counts
}

// int32sOf is the values of a page, without NULLs, or their places in its dictionary.
func int32sOf(page parquet.Page) []int32 {
	data := page.Data()
	return data.Int32()
}

func int64sOf(page parquet.Page) []int64 {
	data := page.Data()
	return data.Int64()
}

package pipeline_test

import (
	"context"
	"fmt"
	"strconv"

	"deployconstants/pipeline"
)

func ExampleRun() {
	runs := []string{"258", "259", "dark", "260"}
	source := func(_ context.Context, emit func(string) error) error {
		for _, run := range runs {
			if err := emit(run); err != nil {
				return err
			}
		}
		return nil
	}
	parse := func(_ context.Context, run string) (int, error) { return strconv.Atoi(run) }

	err := pipeline.Run(context.Background(), pipeline.Options{Workers: 2}, source, parse,
		func(r pipeline.Result[string, int]) error {
			if r.Err != nil {
				fmt.Printf("%s: failed: %v\n", r.Item, r.Err)
				return nil // go on
			}
			fmt.Printf("%s: run %d\n", r.Item, r.Out)
			return nil
		})
	fmt.Println("error:", err)
	// Output:
	// 258: run 258
	// 259: run 259
	// dark: failed: strconv.Atoi: parsing "dark": invalid syntax
	// 260: run 260
	// error: <nil>
}

// Runs are chained by a source that is a run itself: its sink emits. Each has its
// own number of workers; order and bounds hold through both, and an error that
// cannot be passed on ends both.
func ExampleRun_chain() {
	names := func(_ context.Context, emit func(string) error) error {
		for _, name := range []string{"one", "three", "eleven"} {
			if err := emit(name); err != nil {
				return err
			}
		}
		return nil
	}
	length := func(_ context.Context, name string) (int, error) { return len(name), nil }
	square := func(_ context.Context, n int) (int, error) { return n * n, nil }

	lengths := func(ctx context.Context, emit func(int) error) error {
		return pipeline.Run(ctx, pipeline.Options{Workers: 4}, names, length,
			func(r pipeline.Result[string, int]) error {
				if r.Err != nil {
					return r.Err
				}
				return emit(r.Out)
			})
	}
	err := pipeline.Run(context.Background(), pipeline.Options{Workers: 2}, lengths, square,
		func(r pipeline.Result[int, int]) error {
			fmt.Println(r.Item, r.Out)
			return r.Err
		})
	fmt.Println("error:", err)
	// Output:
	// 3 9
	// 5 25
	// 6 36
	// error: <nil>
}

// Reading files of known size under a bound on memory.
func ExampleRunWeighted() {
	type file struct {
		name string
		size int64 // bytes
	}
	source := func(_ context.Context, emit func(file) error) error {
		for _, f := range []file{{"small", 1 << 10}, {"huge", 8 << 30}, {"medium", 1 << 20}} {
			if err := emit(f); err != nil {
				return err
			}
		}
		return nil
	}
	read := func(_ context.Context, f file) (string, error) { return f.name + " read", nil }

	o := pipeline.Options{MaxBytes: 1 << 30} // huge is read while nothing else is
	err := pipeline.RunWeighted(context.Background(), o, func(f file) int64 { return f.size }, source, read,
		func(r pipeline.Result[file, string]) error {
			fmt.Println(r.Out)
			return r.Err
		})
	fmt.Println("error:", err)
	// Output:
	// small read
	// huge read
	// medium read
	// error: <nil>
}

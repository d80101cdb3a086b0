package ndarray_test

import (
	"fmt"
	"log"
	"os"
	"strings"
	"time"

	"deployconstants/repo/ndarray"
)

func ExampleArray_WriteText() {
	a, err := ndarray.FromFloats([]int{2, 3}, []float64{0.061, 0.05, 1, 2, 3, 4})
	if err != nil {
		log.Fatal(err)
	}
	err = a.WriteText(os.Stdout, ndarray.TextOptions{
		Format:   "%.2f",
		Comments: []string{"TITLE gains in keV/ADU"},
		Header: ndarray.Header{
			Host: "psanagpu105", WorkDir: "/home/dubrovin", FileName: "gain.txt",
			Time: time.Date(2022, 6, 9, 12, 19, 26, 0, time.UTC), User: "dubrovin",
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	// Output:
	// # TITLE gains in keV/ADU
	//
	// # HOST        psanagpu105
	// # WORK_DIR    /home/dubrovin
	// # FILE_NAME   gain.txt
	// # DATE_TIME   2022-06-09T12:19:26
	// # UID         dubrovin
	// # SHAPE       (2,3)
	// # DATATYPE    float64
	//
	// # DTYPE       float64
	// # NDIM        2
	// # DIM:0       2
	// # DIM:1       3
	//
	// 0.06 0.05 1.00
	// 2.00 3.00 4.00
}

func ExampleReadText() {
	a, err := ndarray.ReadText(strings.NewReader("# status bits\n1 2\n4 18446744073709551615\n"),
		ndarray.ReadOptions{DType: ndarray.Uint64})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(a.DType, ndarray.ShapeString(a.Shape), a.Words)
	// Output: uint64 (2,2) [1 2 4 18446744073709551615]
}

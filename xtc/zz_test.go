package xtc_test
import ("testing";"bytes";"deployconstants/xtc";"deployconstants/xtc/xtctest")
func BenchmarkMem(b *testing.B){
 data:=xtctest.Encode(realRun("Epix.Config100aV2", "XcsEndstation.0:Epix100a.1").Dgrams(0)...)
 r:=bytes.NewReader(data)
 b.ReportAllocs()
 for b.Loop(){ f:=xtc.NewFile(r,int64(len(data)),xtc.Limits{}); if _,_,err:=header(f);err!=nil{b.Fatal(err)}; f.Close() }
}

package term

import (
	"strings"
	"testing"
)

func TestATableIsALineForEachRow(t *testing.T) {
	table := &Table{Header: []string{"Name", "Path"}}
	table.Add("rows", "https://x/\x1b[31mred\x1b[0m\nnew\ttab\x1b]0;title\x07")
	table.Add("a  b", "数据")
	var b strings.Builder
	if err := table.Write(&b); err != nil {
		t.Fatal(err)
	}
	const want = "" +
		"Name  Path\n" +
		"----  ---------------------\n" +
		"rows  https://x/red new tab\n" +
		"a  b  数据\n"
	if b.String() != want {
		t.Errorf("got\n%s", b.String())
	}
}

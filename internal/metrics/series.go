package metrics

import (
	"cmp"
	"iter"
	"slices"

	"github.com/millrace-ml/millrace/pipeline"
)

// Series is what was reported under one key in one run.
type Series struct {
	Run, Key string
	Metric   pipeline.Metric
	Points   []Point
}

// Gather sorts points into their series: the runs in the order in which they
// first report, the keys of each by name. The points of each series keep their
// order.
func Gather(points iter.Seq2[Point, error]) ([]Series, error) {
	type name struct{ run, key string }
	at := map[name]int{}
	runs := map[string]int{}
	var all []Series
	for p, err := range points {
		if err != nil {
			return nil, err
		}
		if _, ok := runs[p.Run]; !ok {
			runs[p.Run] = len(runs)
		}
		i, ok := at[name{p.Run, p.Key}]
		if !ok {
			i = len(all)
			at[name{p.Run, p.Key}] = i
			all = append(all, Series{Run: p.Run, Key: p.Key})
		}
		all[i].Metric = all[i].Metric.Add(p.Step, p.Value)
		all[i].Points = append(all[i].Points, p)
	}
	slices.SortStableFunc(all, func(a, b Series) int {
		return cmp.Or(cmp.Compare(runs[a.Run], runs[b.Run]), cmp.Compare(a.Key, b.Key))
	})
	return all, nil
}

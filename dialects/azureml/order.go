package azureml

import (
	"container/heap"

	"github.com/millrace-ml/millrace/pipeline"
)

// inOrder sorts the steps so that each comes after those it reads from; among
// those that could come next, the one that stands first in the files does.
// Steps of on_init come before all others, those of on_finalize after.
func (f *flattener) inOrder(steps []pipeline.Step) []pipeline.Step {
	place := make(map[string]int, len(steps))
	for i, s := range steps {
		place[s.Name] = i
	}
	waiting := make([]int, len(steps))
	readers := make([][]int, len(steps))
	for i, s := range steps {
		after := func(step string) {
			if from, ok := place[step]; ok {
				waiting[i]++
				readers[from] = append(readers[from], i)
			}
		}
		for _, in := range s.Inputs {
			if in.Binding.Step != nil {
				after(in.Binding.Step.Step)
			}
		}
		for _, g := range s.Guards {
			after(g.From.Step)
		}
	}
	rank := func(i int) int {
		switch steps[i].Role {
		case pipeline.Init:
			return i
		case pipeline.Finalize:
			return i + 2*len(steps)
		}
		return i + len(steps)
	}
	var ready numbers
	for i := range steps {
		if waiting[i] == 0 {
			heap.Push(&ready, [2]int{rank(i), i})
		}
	}
	ordered := make([]pipeline.Step, 0, len(steps))
	for len(ready) > 0 {
		next, ok := heap.Pop(&ready).([2]int)
		if !ok {
			break
		}
		i := next[1]
		ordered = append(ordered, steps[i])
		for _, reader := range readers[i] {
			if waiting[reader]--; waiting[reader] == 0 {
				heap.Push(&ready, [2]int{rank(reader), reader})
			}
		}
	}
	return ordered
}

// numbers is a heap of steps by rank.
type numbers [][2]int

func (n numbers) Len() int           { return len(n) }
func (n numbers) Less(i, j int) bool { return n[i][0] < n[j][0] }
func (n numbers) Swap(i, j int)      { n[i], n[j] = n[j], n[i] }
func (n *numbers) Push(x any) {
	if pair, ok := x.([2]int); ok {
		*n = append(*n, pair)
	}
}
func (n *numbers) Pop() any {
	last := (*n)[len(*n)-1]
	*n = (*n)[:len(*n)-1]
	return last
}

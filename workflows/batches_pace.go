package workflows

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/millrace-ml/millrace/activities"
	"github.com/millrace-ml/millrace/pipeline"
)

const (
	// mostChunks bounds the chunks of a step, however short its mini-batches
	// are, and largestChunk what is lost with a machine.
	mostChunks   = 1500
	largestChunk = 5000
)

// chunkSize is how many mini-batches the next chunk has, and how many of them it
// is to run at least: a fair share of those that are waiting. The runner leaves
// some of them to others when it has worked for a while.
func chunkSize(waiting, total, slots int) (least, size int) {
	least = (total + mostChunks - 1) / mostChunks
	return least, min(waiting, largestChunk, max(least, (waiting+slots-1)/slots))
}

// waiting counts the mini-batches that no chunk has.
func (b *batching) waiting() int {
	n := 0
	for _, s := range b.Waiting {
		n += s.To - s.From
	}
	return n
}

// left is how many more may fail.
func (b *batching) left() activities.Limits {
	p := b.Cut.Policy
	l := activities.Limits{Failed: -1, FailedItems: -1}
	if p.MaxFailedBatches >= 0 {
		l.Failed = max(0, p.MaxFailedBatches-b.Failed)
	}
	if p.MaxFailedPercent < 100 {
		if n := max(0, p.MaxFailedPercent*b.Cut.Batches/100-b.Failed); l.Failed < 0 || n < l.Failed {
			l.Failed = n
		}
	}
	if p.MaxFailedItems >= 0 {
		l.FailedItems = max(0, p.MaxFailedItems-b.FailedItems)
	}
	return l
}

// judge ends the step where more has failed than may.
func (b *batching) judge() {
	p := b.Cut.Policy
	var why string
	switch {
	case b.failure != nil:
		return
	case p.MaxFailedBatches >= 0 && b.Failed > p.MaxFailedBatches:
		why = fmt.Sprintf("%s of %s mini-batches failed, and mini_batch_error_threshold allows %s", counted(b.Failed), counted(b.Cut.Batches), counted(p.MaxFailedBatches))
	case p.MaxFailedPercent < 100 && b.Failed*100 > p.MaxFailedPercent*b.Cut.Batches:
		why = fmt.Sprintf("%s of %s mini-batches failed, and --allowed_failed_percent allows %d of a hundred", counted(b.Failed), counted(b.Cut.Batches), p.MaxFailedPercent)
	case p.MaxFailedItems >= 0 && b.FailedItems > p.MaxFailedItems:
		why = fmt.Sprintf("%s items are missing in what run() returned, and error_threshold allows %s", counted(b.FailedItems), counted(p.MaxFailedItems))
	default:
		return
	}
	b.failure = &pipeline.Failure{Kind: pipeline.UserFailure, Message: why}
	for _, e := range b.Errors {
		b.failure.LogTail = append(b.failure.LogTail, fmt.Sprintf("mini-batch %d (%s):", e.Number, strings.Join(e.Files, ", ")))
		for line := range strings.Lines(e.Error) {
			b.failure.LogTail = append(b.failure.LogTail, strings.TrimRight(line, "\n"))
		}
	}
	b.stop()
}

// parts counts the mini-batches.
func (b *batching) parts() pipeline.Parts {
	known := b.Cut.Batches - b.Cut.Todo
	return pipeline.Parts{
		What: "mini-batches", Total: b.Cut.Batches, Running: b.flying,
		Completed: known + b.Done - b.Failed, Reused: known, Failed: b.Failed,
	}
}

// report tells how far the work is: often at first, and then more and more
// seldom, so that even a long one says it some hundred times only.
func (b *batching) report(now bool) {
	at := workflow.Now(b.ctx)
	passed := at.Sub(b.Started)
	if !now && at.Sub(b.reported) < max(2*time.Second, passed/40) {
		return
	}
	b.reported = at
	text := fmt.Sprintf("%s of %s mini-batches", counted(b.Cut.Batches-b.Cut.Todo+b.Done), counted(b.Cut.Batches))
	if b.Failed > 0 {
		text += fmt.Sprintf(", %s of them failed", counted(b.Failed))
	}
	if b.Done > 0 && passed > 0 && b.Chunks > max(1, b.in.Node.Slots) {
		rate := float64(b.Done) / passed.Seconds()
		left := time.Duration(float64(b.Cut.Todo-b.Done) / rate * float64(time.Second))
		text += fmt.Sprintf("; %s, %s left", rateWords(rate), left.Round(time.Second))
	}
	b.note(b.parts(), text)
}

// note tells the job, and whoever looks at this workflow.
func (b *batching) note(parts pipeline.Parts, text string) {
	workflow.SetCurrentDetails(b.ctx, text)
	if parent := workflow.GetInfo(b.ctx).ParentWorkflowExecution; parent != nil && b.ctx.Err() == nil {
		// Whether it arrives is of no consequence.
		workflow.SignalExternalWorkflow(b.ctx, parent.ID, "", PartsSignal, PartsNews{Step: b.in.Step, Parts: parts, Note: text})
	}
}

func rateWords(rate float64) string {
	if rate >= 10 {
		return counted(int(rate)) + " a second"
	}
	if rate >= 0.1 {
		return strconv.FormatFloat(rate, 'f', 1, 64) + " a second"
	}
	return strconv.FormatFloat(rate*60, 'f', 1, 64) + " a minute"
}

// summed says in words what became of all mini-batches.
func summed(p pipeline.Parts) string {
	text := counted(p.Total) + " mini-batches"
	if p.Reused > 0 {
		text += ", " + counted(p.Reused) + " of them from earlier jobs"
	}
	if p.Failed > 0 {
		text += ", " + counted(p.Failed) + " failed"
	}
	return text
}

// counted writes a number with commas between its thousands.
func counted(n int) string {
	digits := strconv.Itoa(n)
	for at := len(digits) - 3; at > 0; at -= 3 {
		digits = digits[:at] + "," + digits[at:]
	}
	return digits
}

func lastLine(text string) string {
	text = strings.TrimSpace(text)
	return text[strings.LastIndexByte(text, '\n')+1:]
}

package transfer

import (
	"fmt"
	"sync"
	"time"
)

// Progress is how far a transfer has come. It may be read at any time.
type Progress struct {
	mu sync.Mutex
	// doing is a verb: "copied".
	doing                            string
	files, allFiles, bytes, allBytes int64
	rows, allRows                    int64
	// open is set where the totals are not known.
	open  bool
	begun time.Time
}

// begin tells what will be moved; all of 0 is not known.
func (p *Progress) begin(doing string, files, bytes int64, open bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.doing, p.allFiles, p.allBytes, p.open, p.begun = doing, files, bytes, open, time.Now()
}

func (p *Progress) beginRows(doing string, rows int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.doing, p.allRows, p.begun = doing, rows, time.Now()
}

func (p *Progress) addBytes(n int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.bytes += n
}

func (p *Progress) addFile() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.files++
}

func (p *Progress) addRows(n int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.rows += n
}

// String says it in one line; "" before anything was begun.
func (p *Progress) String() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.doing == "" {
		return ""
	}
	seconds := time.Since(p.begun).Seconds()
	if p.allFiles == 0 {
		line := fmt.Sprintf("%s %d rows", p.doing, p.rows)
		if p.allRows > 0 {
			line = fmt.Sprintf("%s %d of %d rows", p.doing, p.rows, p.allRows)
		}
		if seconds > 1 {
			line += fmt.Sprintf(", %.0f rows/s", float64(p.rows)/seconds)
		}
		return line
	}
	line := fmt.Sprintf("%s %d of %d files, %s", p.doing, p.files, p.allFiles, size(p.bytes))
	if !p.open {
		line += " of " + size(p.allBytes)
	}
	if seconds > 1 {
		line += fmt.Sprintf(", %s/s", size(int64(float64(p.bytes)/seconds)))
	}
	return line
}

// size writes a number of bytes.
func size(n int64) string {
	units := []string{"B", "KiB", "MiB", "GiB", "TiB", "PiB"}
	f, i := float64(n), 0
	for f >= 1024 && i < len(units)-1 {
		f, i = f/1024, i+1
	}
	if i == 0 {
		return fmt.Sprintf("%d B", n)
	}
	return fmt.Sprintf("%.1f %s", f, units[i])
}

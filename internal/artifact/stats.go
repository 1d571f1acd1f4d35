package artifact

import (
	"io"
	"sync/atomic"
)

// Stats is what a store has moved since it was opened. A local store moves
// nothing over a line.
type Stats struct {
	// Downloaded and Uploaded are the bytes of blobs that came from the bucket
	// and went there.
	Downloaded, Uploaded int64
	// Hits and Misses count the blobs that the cache had when they were asked
	// for, and those that had to be brought; HitBytes is what the hits hold.
	Hits, Misses, HitBytes int64
	// Evicted counts the files that had to make room, EvictedBytes what they
	// held.
	Evicted, EvictedBytes int64
	// Damaged counts the files that were not any more what their name says.
	Damaged int64
	// CacheBytes is what the cache holds now, of all processes together, and
	// CacheMax its bound; 0 without a cache.
	CacheBytes, CacheMax int64
}

// stats are the numbers behind [Stats].
type stats struct {
	downloaded, uploaded            atomic.Int64
	hits, misses, hitBytes, damaged atomic.Int64
	evicted, evictedBytes           atomic.Int64
}

// Stats returns what this process has moved so far.
func (s *Store) Stats() Stats {
	var now Stats
	if s.stats != nil {
		n := s.stats
		now = Stats{
			Downloaded: n.downloaded.Load(), Uploaded: n.uploaded.Load(),
			Hits: n.hits.Load(), Misses: n.misses.Load(), HitBytes: n.hitBytes.Load(),
			Evicted: n.evicted.Load(), EvictedBytes: n.evictedBytes.Load(), Damaged: n.damaged.Load(),
		}
	}
	if s.cache != nil {
		now.CacheBytes, now.CacheMax = s.cache.room.bytes(), s.cache.room.max
	}
	return now
}

// counter counts the bytes that are read.
type counter struct {
	io.ReadCloser
	n *atomic.Int64
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.ReadCloser.Read(p)
	c.n.Add(int64(n))
	return n, err
}

package notify

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/millrace-ml/millrace/pipeline"
)

// Notifier sends messages through the channels of one configuration. The nil
// Notifier has none.
type Notifier struct{ channels []Channel }

// New makes a notifier of channels that were checked.
func New(channels []Channel) *Notifier { return &Notifier{channels: slices.Clone(channels)} }

// Channels are all of them.
func (n *Notifier) Channels() []Channel {
	if n == nil {
		return nil
	}
	return slices.Clone(n.channels)
}

// Any reports whether a channel may be for an event.
func (n *Notifier) Any(event pipeline.Event) bool { return len(n.Names(event, "")) > 0 }

// Names are those of the channels that an event of a job is for. An experiment of
// "" matches all.
func (n *Notifier) Names(event pipeline.Event, experiment string) (names []string) {
	if n == nil {
		return nil
	}
	for i := range n.channels {
		if n.channels[i].wants(event, experiment) {
			names = append(names, n.channels[i].Name)
		}
	}
	return names
}

// The longest that one delivery takes.
const (
	webhookTimeout = 15 * time.Second
	emailTimeout   = 30 * time.Second
	commandTimeout = time.Minute
)

// Send sends a message through the channel of a name. Its error holds no secret,
// and none of what the receiver has answered.
func (n *Notifier) Send(ctx context.Context, name string, m Message) error {
	i := -1
	if n != nil {
		i = slices.IndexFunc(n.channels, func(c Channel) bool { return c.Name == name })
	}
	if i < 0 {
		// Another worker may have it.
		return fmt.Errorf("the configuration of this process has no notification %q", name)
	}
	c := &n.channels[i]
	var err error
	switch c.Kind {
	case Webhook:
		err = c.post(ctx, m)
	case Email:
		err = c.mail(ctx, m)
	case Command:
		err = c.run(ctx, m)
	default:
		err = final{fmt.Errorf("%q is not a kind of notification", c.Kind)}
	}
	if err != nil {
		return fmt.Errorf("%s %s: %w", c.Kind, c.Name, err)
	}
	return nil
}

// final is an error that will be the same the next time.
type final struct{ error }

func (f final) Unwrap() error { return f.error }

// Final reports whether it is of no use to send a message again.
func Final(err error) bool {
	_, ok := errors.AsType[final](err)
	return ok
}

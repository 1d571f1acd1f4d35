package gang

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/millrace-ml/millrace/internal/artifact"
)

// Gangs is where gangs form: in the records of a store. It holds no state of its
// own; any number may be used at once, in any process.
type Gangs struct {
	store *artifact.Store
	// early is how long an instance waits for the leader to come, slack how
	// much longer than the leader it waits for a decision.
	early, slack time.Duration
}

// New returns where the gangs of a store form.
func New(store *artifact.Store) *Gangs {
	return &Gangs{store: store, early: 2 * time.Second, slack: 10 * time.Second}
}

// Gang names a gang: equally for all of its instances, and for no other.
type Gang struct {
	// Queue is where all instances wait for their slots.
	Queue string
	// ID is the job's and the step's.
	ID string
	// Since is when the job began: who came first goes first.
	Since time.Time
	// Try counts how often the gang was begun. What is left of earlier tries
	// is void.
	Try int
	// Size is the number of instances.
	Size int
}

// Member is an instance as the others find it.
type Member struct {
	// Worker is who runs it.
	Worker string `json:"worker"`
	// Host tells the machine from others, and one network on it from another:
	// members of one host reach each other over loopback.
	Host string `json:"host,omitempty"`
	// Address is where members on other hosts reach this one.
	Address string `json:"address,omitempty"`
	// Ports are free there.
	Ports []int `json:"ports,omitempty"`
}

// NotFormed says that a gang has not formed this time.
type NotFormed struct {
	// Found is how many instances were there of those that there should be.
	Found, Size int
	// Older is set where the gang gave way to an older one.
	Older bool
}

func (e *NotFormed) Error() string {
	if e.Older {
		return fmt.Sprintf("gave way to an older gang; %d of %d instances were there", e.Found, e.Size)
	}
	return fmt.Sprintf("%d of %d instances were there", e.Found, e.Size)
}

// ErrMissed says that the gang has formed with this instance in it, which knows
// nothing of it: its worker was lost in between.
var ErrMissed = errors.New("the gang has formed without this instance")

func hash(text string, digits int) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])[:digits]
}

func (g Gang) queue() string { return "gangs/" + hash(g.Queue, 16) + "/" }

// name sorts by age.
func (g Gang) name() string { return fmt.Sprintf("%013d-%s", g.Since.UnixMilli(), hash(g.ID, 16)) }

func (g Gang) folder() string { return g.queue() + g.name() + "/" }

func (g Gang) round(number int) string { return fmt.Sprintf("%s%d.%d/", g.folder(), g.Try, number) }

// decision ends a round.
type decision struct {
	// Members are all instances, where the gang has formed.
	Members []Member `json:"members,omitempty"`
	// Alone is set where the leader runs them all in its own slot.
	Alone bool `json:"alone,omitempty"`
	// Found is how many were there when the round was called off.
	Found int `json:"found,omitempty"`
	// Older is set where it gave way.
	Older bool `json:"older,omitempty"`
}

// decide makes a decision, unless one was made: that one is returned.
func (t *Gangs) decide(ctx context.Context, round string, d decision) (decision, error) {
	text, err := json.Marshal(d)
	if err != nil {
		return d, err
	}
	made, err := t.store.CreateRecord(ctx, round+"decision", text)
	if err != nil || made {
		return d, err
	}
	return t.decided(ctx, round)
}

func (t *Gangs) decided(ctx context.Context, round string) (d decision, err error) {
	text, err := t.store.ReadRecord(ctx, round+"decision")
	if errors.Is(err, artifact.ErrGone) {
		return d, nil // cleared away: called off long ago
	}
	if err == nil {
		err = json.Unmarshal(text, &d)
	}
	return d, err
}

// away is how long is spent on telling the others that one leaves.
const away = 10 * time.Second

// callOff ends a round for everybody, also when ctx has ended.
func (t *Gangs) callOff(ctx context.Context, round string, d decision) (decision, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), away)
	defer cancel()
	return t.decide(ctx, round, d)
}

// formed is what a decision means for the gang.
func (t *Gangs) formed(g Gang, round string, d decision) (*Formed, error) {
	if d.Alone || len(d.Members) == g.Size {
		return &Formed{Members: d.Members, Alone: d.Alone, gangs: t, round: round, size: g.Size}, nil
	}
	return nil, &NotFormed{Found: d.Found, Size: g.Size, Older: d.Older}
}

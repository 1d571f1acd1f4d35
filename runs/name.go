package runs

import (
	"crypto/rand"
	"math/big"
	"strings"
)

var adjectives = strings.Fields(`amber ample bold brave bright brisk calm clear clever cool crisp deep eager early even fair
	fast fine firm fresh gentle glad golden good grand green happy honest icy jolly keen kind late light lively loyal lucky mellow
	merry mild modest neat new noble open patient plain proud quick quiet rapid ready red rich ripe round rustic sandy serene sharp
	shiny silent silver simple sleek smart smooth snowy soft solid steady still strong sunny sure sweet swift tall tender tidy true
	upbeat vast vivid warm wide wild wise witty young zesty`)

var nouns = strings.Fields(`acorn alder anchor apple arch aspen badger barley basin beacon bee birch bridge brook canal cedar cliff
	cloud clover comet coral cove crane creek delta dune eagle elm ember falcon fern field finch fjord flax forest fox garden glade
	grain grove harbor hawk hazel heron hill holly island ivy kettle lake lantern larch lark leaf lily linden lotus lynx maple
	marsh meadow mill mint moss oak oat olive orchard otter owl pasture path pear pebble pine plum pond poplar quartz rain
	raven reed ridge river robin rose rye sail sand shore sky snow sparrow spring spruce star stone stork stream summit swan
	thistle tide trout tulip valley walnut wave wheat willow wind wren`)

// NewName makes a name for a job, in the manner of Azure ML: an adjective, a
// noun and ten characters that make it the only one.
func NewName() string {
	const alphabet = "0123456789abcdefghjkmnpqrstvwxyz"
	suffix := make([]byte, 10)
	for i := range suffix {
		suffix[i] = alphabet[pick(len(alphabet))]
	}
	return adjectives[pick(len(adjectives))] + "_" + nouns[pick(len(nouns))] + "_" + string(suffix)
}

func pick(n int) int {
	// crypto/rand does not fail on the systems that Go supports.
	i, _ := rand.Int(rand.Reader, big.NewInt(int64(n)))
	return int(i.Int64())
}

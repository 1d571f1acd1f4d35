package sweep

import "math/bits"

// sobol is a sequence of points that fills the unit cube evenly: of the first
// 2^k points, every interval of the length 2^-k has one, on each axis.
//
// The direction numbers are our own. Each axis has a primitive polynomial, in
// the order of their size; what is free in an axis's numbers is chosen such that
// it makes an even pattern with the axes before it.
type sobol struct {
	directions [][sobolBits]uint32
	shift      []uint32
	first      int
}

const sobolBits = 32

// newSobol makes the sequence. A seed shifts it: the points are others, and as
// even.
func newSobol(axes int, seed *int64) *sobol {
	s := &sobol{directions: make([][sobolBits]uint32, axes), shift: make([]uint32, axes)}
	polynomials := primitives(axes - 1)
	for i := range axes {
		if i == 0 {
			for k := range sobolBits {
				s.directions[0][k] = 1 << (sobolBits - 1 - k)
			}
		} else {
			s.directions[i] = s.choose(i, polynomials[i-1])
		}
		if seed != nil {
			s.shift[i] = uint32(mix(uint64(*seed)+uint64(i+1)*0x9e3779b97f4a7c15) >> 32)
		}
	}
	if seed == nil {
		s.first = 1 // the point 0 is the least value of everything
	}
	return s
}

// at is the nth point.
func (s *sobol) at(n int) []float64 {
	point := make([]float64, len(s.directions))
	for i := range point {
		x := s.bits(i, uint32(n+s.first)) ^ s.shift[i]
		point[i] = (float64(x) + 0.5) / (1 << sobolBits)
	}
	return point
}

func (s *sobol) bits(axis int, n uint32) (x uint32) {
	for n ^= n >> 1; n != 0; n &= n - 1 { // in the order of Gray's code
		x ^= s.directions[axis][bits.TrailingZeros32(n)]
	}
	return x
}

// candidates is how many sets of numbers are tried for an axis, and neighbours
// is with how many of the axes before it the patterns are looked at.
const (
	candidates = 24
	neighbours = 12
)

// choose finds the numbers of an axis.
func (s *sobol) choose(axis int, polynomial uint32) (best [sobolBits]uint32) {
	least := -1
	for c := range candidates {
		s.directions[axis] = numbers(polynomial, uint64(axis)<<32|uint64(c))
		if bad := s.unevenness(axis); least < 0 || bad < least {
			best, least = s.directions[axis], bad
		}
	}
	return best
}

// unevenness counts how far the first points are from being spread evenly over
// the squares that an axis makes with those before it.
func (s *sobol) unevenness(axis int) (sum int) {
	const cells = 16
	for other := max(0, axis-neighbours); other < axis; other++ {
		var count [cells * cells]int
		for n := range uint32(cells * cells) {
			x, y := s.bits(other, n)>>28, s.bits(axis, n)>>28
			count[x*cells+y]++
		}
		for _, c := range count {
			sum += (c - 1) * (c - 1)
		}
	}
	return sum
}

// numbers are the direction numbers that a polynomial makes of its first ones,
// which are any odd numbers that are small enough.
func numbers(polynomial uint32, salt uint64) (v [sobolBits]uint32) {
	degree := bits.Len32(polynomial) - 1
	for k := range min(degree, sobolBits) {
		odd := uint32(mix(salt+uint64(k+1)*0xd1342543de82ef95))%(1<<k)*2 + 1
		v[k] = odd << (sobolBits - 1 - k)
	}
	for k := degree; k < sobolBits; k++ {
		v[k] = v[k-degree] ^ v[k-degree]>>degree
		for j := 1; j < degree; j++ {
			if polynomial>>(degree-j)&1 == 1 {
				v[k] ^= v[k-j]
			}
		}
	}
	return v
}

// primitives are the first primitive polynomials over the field of two
// elements, as the bits of their coefficients.
func primitives(count int) (list []uint32) {
	for p := uint32(3); len(list) < count; p += 2 {
		if primitive(p) {
			list = append(list, p)
		}
	}
	return list
}

// primitive reports whether the powers of x run through all remainders.
func primitive(p uint32) bool {
	degree := bits.Len32(p) - 1
	order := uint32(1)<<degree - 1
	if power(p, order) != 1 {
		return false
	}
	rest := order
	for f := uint32(2); f*f <= rest; f++ {
		if rest%f != 0 {
			continue
		}
		if power(p, order/f) == 1 {
			return false
		}
		for rest%f == 0 {
			rest /= f
		}
	}
	return rest == 1 || rest == order || power(p, order/rest) != 1
}

// power is x to the nth, divided by the polynomial p: what is left.
func power(p, n uint32) uint32 {
	times := func(a, b uint32) (product uint32) {
		for ; b != 0; b >>= 1 {
			if b&1 == 1 {
				product ^= a
			}
			if a <<= 1; bits.Len32(a) == bits.Len32(p) {
				a ^= p
			}
		}
		return product
	}
	result, base := uint32(1), uint32(2)
	if bits.Len32(p) == 2 {
		base ^= p // x itself is no smaller than p
	}
	for ; n != 0; n >>= 1 {
		if n&1 == 1 {
			result = times(result, base)
		}
		base = times(base, base)
	}
	return result
}

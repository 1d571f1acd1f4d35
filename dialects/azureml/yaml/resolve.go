package yaml

import (
	"math"
	"math/big"
	"regexp"
	"strconv"
	"strings"
)

// The resolver of PyYAML, that is of YAML 1.1. It differs from YAML 1.2 where
// users notice: yes and no are booleans, 1e-3 is text, 017 is octal, and
// 12:30 is a number in base 60.
var (
	boolForm  = regexp.MustCompile(`^(?:yes|Yes|YES|no|No|NO|true|True|TRUE|false|False|FALSE|on|On|ON|off|Off|OFF)$`)
	nullForm  = regexp.MustCompile(`^(?:~|null|Null|NULL|)$`)
	floatForm = regexp.MustCompile(`^(?:[-+]?(?:[0-9][0-9_]*)\.[0-9_]*(?:[eE][-+][0-9]+)?` +
		`|\.[0-9][0-9_]*(?:[eE][-+][0-9]+)?` +
		`|[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+\.[0-9_]*` +
		`|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$`)
	intForm = regexp.MustCompile(`^(?:[-+]?0b[0-1_]+|[-+]?0[0-7_]+|[-+]?(?:0|[1-9][0-9_]*)` +
		`|[-+]?0x[0-9a-fA-F_]+|[-+]?[1-9][0-9_]*(?::[0-5]?[0-9])+)$`)
)

// resolve finds the kind of a plain scalar and the text Python prints for it.
func resolve(source string) (Kind, string) {
	// Numbers of this length are no numbers that anybody meant.
	const longest = 4096
	switch {
	case nullForm.MatchString(source):
		return Null, ""
	case len(source) > longest:
		return String, source
	case boolForm.MatchString(source):
		switch strings.ToLower(source) {
		case "yes", "true", "on":
			return Bool, "True"
		}
		return Bool, "False"
	case intForm.MatchString(source):
		if text, ok := pythonInt(source); ok {
			return Int, text
		}
	case floatForm.MatchString(source):
		return Float, pythonFloat(source)
	}
	return String, source
}

// pythonInt is str() of an integer in YAML 1.1 notation. It is false for the
// few forms that the pattern allows and Python cannot read, such as "0b_".
func pythonInt(source string) (string, bool) {
	digits := strings.ReplaceAll(source, "_", "")
	sign := ""
	switch digits[0] {
	case '-':
		sign, digits = "-", digits[1:]
	case '+':
		digits = digits[1:]
	}
	value, ok := new(big.Int), true
	switch {
	case strings.HasPrefix(digits, "0b"):
		_, ok = value.SetString(digits[2:], 2)
	case strings.HasPrefix(digits, "0x"):
		_, ok = value.SetString(digits[2:], 16)
	case len(digits) > 1 && digits[0] == '0':
		_, ok = value.SetString(digits, 8)
	case strings.Contains(digits, ":"):
		sixty := big.NewInt(60)
		for part := range strings.SplitSeq(digits, ":") {
			n, err := strconv.ParseInt(part, 10, 64)
			if err != nil {
				return "", false
			}
			value.Mul(value, sixty).Add(value, big.NewInt(n))
		}
	default:
		_, ok = value.SetString(digits, 10)
	}
	if !ok {
		return "", false
	}
	if sign != "" {
		value.Neg(value)
	}
	return value.String(), true
}

// pythonFloat is str() of a float in YAML 1.1 notation.
func pythonFloat(source string) string {
	text := strings.ToLower(strings.ReplaceAll(source, "_", ""))
	sign := 1.0
	switch text[0] {
	case '-':
		sign, text = -1, text[1:]
	case '+':
		text = text[1:]
	}
	value := 0.0
	switch {
	case text == ".inf":
		value = math.Inf(1)
	case text == ".nan":
		value = math.NaN()
	case strings.Contains(text, ":"):
		for part := range strings.SplitSeq(text, ":") {
			n, _ := strconv.ParseFloat(part, 64)
			value = value*60 + n
		}
	default:
		value, _ = strconv.ParseFloat(text, 64)
	}
	return FormatFloat(sign * value)
}

// FormatFloat writes a float as Python's str() does: the shortest digits that
// read back as the same number, always with a point or an exponent.
func FormatFloat(value float64) string {
	switch {
	case math.IsInf(value, 1):
		return "inf"
	case math.IsInf(value, -1):
		return "-inf"
	case math.IsNaN(value):
		return "nan"
	}
	text := strconv.FormatFloat(value, 'e', -1, 64)
	mantissa, exponent, _ := strings.Cut(text, "e")
	power, _ := strconv.Atoi(exponent)
	if power < -4 || power >= 16 {
		sign := "+"
		if power < 0 {
			sign, power = "-", -power
		}
		if power < 10 {
			sign += "0"
		}
		return mantissa + "e" + sign + strconv.Itoa(power)
	}
	text = strconv.FormatFloat(value, 'f', -1, 64)
	if !strings.Contains(text, ".") {
		text += ".0"
	}
	return text
}

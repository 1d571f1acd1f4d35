package azureml

// named is anything that is found by its name.
type named interface{ key() string }

// table keeps named things in the order of the file. The zero table is empty.
// Of two with the same name the first is found.
type table[T named] struct {
	list  []T
	place map[string]int
}

func (t *table[T]) add(item T) {
	if t.place == nil {
		t.place = map[string]int{}
	}
	if _, known := t.place[item.key()]; !known {
		t.place[item.key()] = len(t.list)
	}
	t.list = append(t.list, item)
}

// get returns the thing of that name, or the zero T (nil).
func (t *table[T]) get(name string) T {
	if i, ok := t.place[name]; ok {
		return t.list[i]
	}
	var none T
	return none
}

func (t *table[T]) has(name string) bool {
	_, ok := t.place[name]
	return ok
}

func (t *table[T]) names() []string { return names(t.list) }

// someNames are those that a hint may name: few enough to look through for
// every mistake of a large file.
func (t *table[T]) someNames() []string {
	const most = 500
	return names(t.list[:min(len(t.list), most)])
}

func names[T named](list []T) []string {
	names := make([]string, len(list))
	for i, item := range list {
		names[i] = item.key()
	}
	return names
}

// filter keeps what is wanted, and returns what is not.
func (t *table[T]) filter(wanted func(T) bool) (dropped []T) {
	var kept table[T]
	for _, item := range t.list {
		if wanted(item) {
			kept.add(item)
		} else {
			dropped = append(dropped, item)
		}
	}
	*t = kept
	return dropped
}

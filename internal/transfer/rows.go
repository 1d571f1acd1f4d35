package transfer

import "context"

func (m *Mover) importRows(context.Context, Task, *Progress) (Result, error) {
	return Result{}, invalid("", "databases cannot be read")
}

func (m *Mover) exportRows(context.Context, Task, *journal, *Progress) (Result, error) {
	return Result{}, invalid("", "databases cannot be written")
}

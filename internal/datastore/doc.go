// Package datastore reads from and writes to named places outside: the
// datastores of azureml:// addresses, files of this machine, and the web.
//
// Four datastores always exist, as they do in every Azure ML workspace. Until
// others can be mapped they lie beside the artifacts:
//
//	datastores/<name>/<path>    below the store's folder, or in its bucket
//
// On one machine that is a folder of plain files, <store>/datastores/<name>/,
// which may be filled by hand, and may be a symbolic link to where the data is.
//
// Errors: a [*pipeline.Failure] of kind [pipeline.UserFailure] means that there
// is no such data; of kind [pipeline.Invalid], that the address cannot be used
// as it is written; of kind [pipeline.Infrastructure], that another try may
// help, as it may for every other error.
package datastore

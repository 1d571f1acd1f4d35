// Package datastore reads from and writes to named places outside: the
// datastores of azureml:// addresses, buckets, files of this machine, and the
// web.
//
// Four datastores always exist, as they do in every Azure ML workspace. They lie
// beside the artifacts:
//
//	datastores/<name>/<path>    below the store's folder, or in its bucket
//
// On one machine that is a folder of plain files, <store>/datastores/<name>/,
// which may be filled by hand, and may be a symbolic link to where the data is.
//
// Others are made by people: a [Definition] on the [Shelf] of the store says
// where the data is, in a folder, a bucket or a container of Azure. It also says
// which addresses the datastore stands for, so that files that name data in
// Azure, or anywhere on the web, read it from a folder instead, without network.
// An address that none stands for is read where it is.
//
// A definition refers to credentials and never holds one: they are in the
// environment, or in files, of the process that needs them, and leave its memory
// only towards the server that they are for.
//
// The way of an address through the package:
//
//	uri.go, storage.go    the text taken apart
//	resolver.go           where its data is: which datastore, which bucket
//	definition.go, credential.go, shelf.go
//	                      what is known of datastores
//	open.go, azblob.go, gs.go, s3.go
//	                      a bucket, opened
//	place.go, folder.go, bucket.go, listing.go, web.go, upload.go
//	                      the data itself, by what it lies in
//	explain.go, failure.go
//	                      what people are told when it cannot be had
//
// Errors: a [*pipeline.Failure] of kind [pipeline.UserFailure] means that there
// is no such data, or that it may not be used; of kind [pipeline.Invalid], that
// the address cannot be used as it is written; of kind
// [pipeline.Infrastructure], that another try may help, as it may for every
// other error.
package datastore

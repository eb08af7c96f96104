{{/* Names do not contain that of the release: the plugin exists once on each node. */}}
{{- define "whereabouts.name" -}}
{{ .Values.nameOverride | default .Chart.Name }}
{{- end }}

{{- define "whereabouts.fullname" -}}
{{ .Values.fullnameOverride | default (include "whereabouts.name" .) }}
{{- end }}

{{- define "whereabouts.namespace" -}}
{{ .Values.namespaceOverride | default .Release.Namespace }}
{{- end }}

{{- define "whereabouts.nodeAccount" -}}
{{ .Values.node.serviceAccount.name | default (include "whereabouts.fullname" .) }}
{{- end }}

{{- define "whereabouts.controllerAccount" -}}
{{ .Values.controller.serviceAccount.name | default (printf "%s-controller" (include "whereabouts.fullname" .)) }}
{{- end }}

{{/* Labels of an object. Takes a dict: root, component. */}}
{{- define "whereabouts.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
{{ include "whereabouts.podLabels" . }}
{{- end }}

{{/* Labels of a pod, which a new version of the chart does not change. */}}
{{- define "whereabouts.podLabels" -}}
app.kubernetes.io/name: {{ include "whereabouts.name" .root }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- with .root.Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* Takes a dict: root, image. */}}
{{- define "whereabouts.imageOf" -}}
{{- $registry := .root.Values.global.imageRegistry | default .root.Values.image.registry -}}
{{- with $registry }}{{ trimSuffix "/" . }}/{{ end }}{{ .image.repository -}}
{{- if .image.digest }}@{{ .image.digest }}{{ else }}:{{ .image.tag | default .root.Chart.AppVersion }}{{ end }}
{{- end }}

{{- define "whereabouts.image" -}}
{{ include "whereabouts.imageOf" (dict "root" . "image" .Values.image) }}
{{- end }}

{{/* The folders of the host, as YAML: those of the distribution, and over them those of the values. */}}
{{- define "whereabouts.folders" -}}
{{- $folders := get (.Files.Get "files/distributions.yaml" | fromYaml) .Values.distribution -}}
{{- range $name, $path := .Values.cniConf }}{{ if $path }}{{ $_ := set $folders $name $path }}{{ end }}{{ end -}}
{{ toYaml $folders }}
{{- end }}

{{/* Whether the agents serve their metrics at the addresses of their nodes. */}}
{{- define "whereabouts.expose" -}}
{{- $metrics := .Values.metrics -}}
{{- if kindIs "bool" $metrics.agent.expose }}{{ if $metrics.agent.expose }}true{{ end }}
{{- else if or $metrics.podMonitor.enabled $metrics.serviceMonitor.enabled }}true{{ end }}
{{- end }}

{{- define "whereabouts.openshift" -}}
{{- if kindIs "bool" .Values.openshift.enabled }}{{ if .Values.openshift.enabled }}true{{ end }}
{{- else if eq .Values.distribution "openshift" }}true{{ end }}
{{- end }}

{{/* Fails on values of the original's chart, all of them in one message. */}}
{{- define "whereabouts.refuseOriginalValues" -}}
{{- $found := list -}}
{{- range $name, $advice := .Files.Get "files/original-values.yaml" | fromYaml -}}
{{- if hasKey $.Values $name }}{{ $found = append $found (printf "  %s: %s" $name $advice) }}{{ end -}}
{{- end -}}
{{- if contains "k8snetworkplumbingwg/whereabouts" .Values.image.repository -}}
{{- $found = append $found "  image.repository: its image has other commands; use that of this chart" -}}
{{- end -}}
{{- if $found -}}
{{- fail (printf "These values belong to the chart of the original whereabouts:\n%s\nREADME.md of the chart lists its values." (join "\n" $found)) -}}
{{- end -}}
{{- end }}

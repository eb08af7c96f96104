{{- define "whereabouts.namespace" -}}
{{ .Values.namespaceOverride | default .Release.Namespace }}
{{- end }}

{{- define "whereabouts.image" -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end }}

{{- define "whereabouts.reconcilerImage" -}}
{{ .Values.reconciler.image.repository }}:{{ .Values.reconciler.image.tag | default .Chart.AppVersion }}
{{- end }}

{{- define "whereabouts.pullSecrets" -}}
{{- with .Values.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{- define "whereabouts.ofNamespace" -}}
valueFrom:
  fieldRef:
    fieldPath: metadata.namespace
{{- end }}

{{- define "whereabouts.settings" -}}
- name: settings
  configMap:
    name: whereabouts-config
    optional: true
    items:
      - key: whereabouts.conf
        path: whereabouts.conf
{{- end }}

{{- define "whereabouts.unprivileged" -}}
privileged: false
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end }}

{{- define "whereabouts.notRoot" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
seccompProfile:
  type: RuntimeDefault
{{- end }}

{{- define "whereabouts.binding" -}}
apiVersion: rbac.authorization.k8s.io/v1
kind: {{ .binding }}
metadata:
  name: {{ .role }}
  {{- if eq .binding "RoleBinding" }}
  namespace: {{ .in | default .namespace }}
  {{- end }}
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: {{ .kind }}
  name: {{ .role }}
subjects:
  - kind: ServiceAccount
    name: {{ .account }}
    namespace: {{ .namespace }}
{{- end }}

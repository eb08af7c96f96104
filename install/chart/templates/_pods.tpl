{{/* Fields of a pod specification that the values of a workload set. Takes a dict: root, of. */}}
{{- define "whereabouts.scheduling" -}}
{{- with .of.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with .root.Values.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .of.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .of.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .of.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{/* Takes a dict: name of the account, from the values of the workload, labels. */}}
{{- define "whereabouts.serviceAccount" -}}
apiVersion: v1
kind: ServiceAccount
metadata:
  name: {{ .name }}
  namespace: {{ .namespace }}
  labels:
    {{- .labels | nindent 4 }}
  {{- with .of.serviceAccount.annotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end }}

{{- define "whereabouts.ofNamespace" -}}
valueFrom:
  fieldRef:
    fieldPath: metadata.namespace
{{- end }}

{{- define "whereabouts.podIp" -}}
- name: POD_IP
  valueFrom:
    fieldRef:
      fieldPath: status.podIP
{{- end }}

{{/* Flags of logs, if they differ from the defaults of the program. */}}
{{- define "whereabouts.logArgs" -}}
{{- if ne .Values.log.level "info" }}
- --log-level={{ .Values.log.level }}
{{- end }}
{{- if ne .Values.log.format "logfmt" }}
- --log-format={{ .Values.log.format }}
{{- end }}
{{- end }}

{{- define "whereabouts.settings" -}}
- name: settings
  {{- if .Values.flatFileSecret }}
  secret:
    secretName: {{ .Values.flatFileSecret }}
    optional: true
  {{- else }}
  configMap:
    name: {{ include "whereabouts.fullname" . }}-config
    optional: true
  {{- end }}
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

{{/* Of the node: root, which owns the folders of the host and therefore needs no capability. */}}
{{- define "whereabouts.nodeSecurity" -}}
runAsUser: 0
{{ include "whereabouts.unprivileged" . }}
seccompProfile:
  type: RuntimeDefault
{{- with .Values.node.seLinuxOptions }}
seLinuxOptions:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{- define "whereabouts.nodeEnv" -}}
- name: CNI_BIN_DIR
  value: /host/opt/cni/bin
- name: CNI_CONF_DIR
  value: {{ (include "whereabouts.folders" . | fromYaml).confDir }}
- name: NODENAME
  valueFrom:
    fieldRef:
      fieldPath: spec.nodeName
- name: WHEREABOUTS_NAMESPACE
  {{- include "whereabouts.ofNamespace" . | nindent 2 }}
{{- end }}

{{- define "whereabouts.hostFolder" -}}
- name: {{ .name }}
  hostPath:
    path: {{ .path }}
    type: DirectoryOrCreate
{{- end }}

{{/* Takes a dict: root, binding, kind, role, account, in. */}}
{{- define "whereabouts.binding" -}}
{{- $namespace := include "whereabouts.namespace" .root -}}
apiVersion: rbac.authorization.k8s.io/v1
kind: {{ .binding }}
metadata:
  name: {{ .name | default .role }}
  {{- if eq .binding "RoleBinding" }}
  namespace: {{ .in | default $namespace }}
  {{- end }}
  labels:
    {{- include "whereabouts.labels" . | nindent 4 }}
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: {{ .kind }}
  name: {{ .role }}
subjects:
  - kind: ServiceAccount
    name: {{ .account }}
    namespace: {{ $namespace }}
{{- end }}

{{/* An endpoint of a monitor, from its values. Labels of our metrics prevail: namespace is that of a network. */}}
{{- define "whereabouts.endpoint" -}}
- port: metrics
  honorLabels: true
  {{- with .interval }}
  interval: {{ . }}
  {{- end }}
  {{- with .scrapeTimeout }}
  scrapeTimeout: {{ . }}
  {{- end }}
  {{- if or .relabelings (eq .component "node") }}
  relabelings:
    {{- if eq .component "node" }}
    - sourceLabels: [__meta_kubernetes_pod_node_name]
      targetLabel: node
    {{- end }}
    {{- with .relabelings }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  {{- end }}
{{- end }}

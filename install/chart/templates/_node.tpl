{{/* The container of the node. Takes a dict: root, name, and sleep, whether it waits after an uninstallation. */}}
{{- define "whereabouts.nodeContainer" -}}
{{- $node := .root.Values.node -}}
{{- $agent := .root.Values.metrics.agent -}}
{{- $expose := include "whereabouts.expose" .root -}}
{{- $uninstall := .root.Values.uninstall -}}
- name: {{ .name }}
  image: {{ include "whereabouts.image" .root }}
  imagePullPolicy: {{ .root.Values.image.pullPolicy }}
  {{- if $uninstall }}
  args: [install, --uninstall]
  {{- else }}
  args:
    - install
    - --agent
    - --http-address
    - {{ printf "%s:%d" (ternary "$(POD_IP)" "127.0.0.1" (eq $expose "true")) (int $agent.port) | quote }}
    {{- include "whereabouts.logArgs" .root | nindent 4 }}
    {{- with $node.extraArgs }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  {{- end }}
  env:
    {{- include "whereabouts.nodeEnv" .root | nindent 4 }}
    - name: WHEREABOUTS_RECONCILER_CRON
      valueFrom:
        configMapKeyRef:
          name: {{ include "whereabouts.fullname" .root }}-config
          key: cron-expression
          optional: true
    {{- if $expose }}
    {{- include "whereabouts.podIp" .root | nindent 4 }}
    {{- end }}
    {{- with $node.extraEnv }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
    {{- if $uninstall }}
    - name: SLEEP
      value: {{ .sleep | quote }}
    {{- end }}
  {{- if not $uninstall }}
  {{- if $expose }}
  ports:
    - name: metrics
      containerPort: {{ $agent.port }}
  {{- end }}
  # Probes use the socket, as the plugin does: the HTTP address is a port of the host, which another process may occupy.
  startupProbe:
    exec:
      command: [/usr/bin/whereabouts, agent, --probe]
    periodSeconds: 1
    timeoutSeconds: 10
    failureThreshold: 120
  livenessProbe:
    exec:
      command: [/usr/bin/whereabouts, agent, --probe]
    periodSeconds: 30
    timeoutSeconds: 10
  readinessProbe:
    exec:
      command: [/usr/bin/whereabouts, agent, --probe]
    periodSeconds: 10
    timeoutSeconds: 10
  {{- end }}
  resources:
    {{- toYaml $node.resources | nindent 4 }}
  securityContext:
    {{- include "whereabouts.nodeSecurity" .root | nindent 4 }}
  volumeMounts:
    - name: cni-bin
      mountPath: /host/opt/cni/bin
    # At the path of the host, since the agent opens the paths that configurations name.
    - name: cni-conf
      mountPath: {{ (include "whereabouts.folders" .root | fromYaml).confDir }}
    - name: data
      mountPath: /var/lib/cni/whereabouts
    - name: run
      mountPath: /run/whereabouts
    - name: settings
      mountPath: /etc/whereabouts
      readOnly: true
    # Network namespaces of sandboxes: while one exists, its addresses are in use. Unmounts on the host propagate.
    - name: netns
      mountPath: /run/netns
      mountPropagation: HostToContainer
      readOnly: true
    {{- with $node.extraVolumeMounts }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
{{- end }}

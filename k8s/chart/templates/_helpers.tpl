{{- define "parley.name" -}}
{{- default .Release.Name .Values.nameOverride | trunc 40 | trimSuffix "-" -}}
{{- end -}}

{{/* Arguments: root, component. */}}
{{- define "parley.selectorLabels" -}}
app.kubernetes.io/name: parley
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end -}}

{{- define "parley.labels" -}}
{{ include "parley.selectorLabels" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/part-of: parley
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
{{- end -}}

{{- define "parley.image" -}}
{{- with .Values.image -}}
{{- if .digest -}}{{ .repository }}@{{ .digest }}{{- else -}}{{ .repository }}:{{ .tag | default $.Chart.AppVersion }}{{- end -}}
{{- end -}}
{{- end -}}

{{/* The programs that run, as a JSON list. */}}
{{- define "parley.roles" -}}
{{- if eq .Values.mode "all-in-one" -}}
["all-in-one"]
{{- else -}}
{{- $roles := list -}}
{{- range $role := list "gateway" "api" "worker" -}}
{{- if (get $.Values $role).enabled -}}{{- $roles = append $roles $role -}}{{- end -}}
{{- end -}}
{{- $roles | toJson -}}
{{- end -}}
{{- end -}}

{{- define "parley.secretName" -}}
{{- if .Values.secrets.create -}}
{{ include "parley.name" . }}-secrets
{{- else -}}
{{ .Values.secrets.existing }}
{{- end -}}
{{- end -}}

{{/* The secrets that a program reads, as a JSON list. Arguments: root, component. */}}
{{- define "parley.secretsOf" -}}
{{- $all := dict
  "gateway" (list "REDIS_URL" "DATABASE_URL" "JWT_SECRET")
  "api" (list "REDIS_URL" "DATABASE_URL" "JWT_SECRET" "API_KEYS" "ADMIN_PASSWORD" "PROMETHEUS_CREDENTIAL")
  "worker" (list "REDIS_URL" "DATABASE_URL" "JWT_SECRET" "SMTP_URL")
  "migrate" (list "REDIS_URL" "DATABASE_URL" "PREVIOUS_REDIS_URL")
  "all-in-one" (list "REDIS_URL" "DATABASE_URL" "JWT_SECRET" "API_KEYS" "ADMIN_PASSWORD" "SMTP_URL" "PROMETHEUS_CREDENTIAL") -}}
{{- $found := list -}}
{{- if include "parley.secretName" .root -}}
{{- range get $all .component -}}
{{- if has . $.root.Values.secrets.names -}}{{- $found = append $found . -}}{{- end -}}
{{- end -}}
{{- end -}}
{{- $found | toJson -}}
{{- end -}}

{{/* The text of a setting: YAML reads `on` as true and large numbers as floats. */}}
{{- define "parley.settingText" -}}
{{- if kindIs "bool" . -}}{{ ternary "on" "off" . }}
{{- else if kindIs "float64" . -}}{{ int64 . }}
{{- else -}}{{ . }}
{{- end -}}
{{- end -}}

{{/* A hash of what a program reads at its start, so that a change starts a rollout. Of secrets only the names: annotations are less guarded. */}}
{{- define "parley.checksum" -}}
{{- toJson (list .Values.settings (omit .Values.secrets "values") .Values.keyFiles) | sha256sum -}}
{{- end -}}

{{- define "parley.graceSeconds" -}}
{{- add .Values.shutdown.preStopSeconds (required "settings.DRAIN_SECONDS is needed" .Values.settings.DRAIN_SECONDS) .Values.shutdown.marginSeconds -}}
{{- end -}}

{{/* The whole spec of a pod. Arguments: root, component, args, values (resources and placement), probes, ports, life: booleans. */}}
{{- define "parley.podSpec" -}}
{{- $ := .root -}}
{{- $values := .values -}}
{{- $secrets := include "parley.secretsOf" . | fromJsonArray -}}
serviceAccountName: {{ include "parley.name" $ }}
automountServiceAccountToken: false
# Otherwise every Service of the namespace becomes variables of the environment.
enableServiceLinks: false
{{- with $.Values.image.pullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
securityContext:
  runAsNonRoot: true
  runAsUser: 10001
  runAsGroup: 10001
  # Opens the files of Secrets to the group. OnRootMismatch: PostgreSQL refuses a folder whose mode was changed.
  fsGroup: 10001
  fsGroupChangePolicy: OnRootMismatch
  seccompProfile: { type: RuntimeDefault }
{{- if .life }}
terminationGracePeriodSeconds: {{ include "parley.graceSeconds" $ }}
{{- end }}
{{- if .spread }}
topologySpreadConstraints:
  {{- range $key, $when := dict "topology.kubernetes.io/zone" $.Values.topologySpread.zone "kubernetes.io/hostname" $.Values.topologySpread.host }}
  - topologyKey: {{ $key }}
    maxSkew: 1
    whenUnsatisfiable: {{ $when }}
    labelSelector:
      matchLabels:
        {{- include "parley.selectorLabels" (dict "root" $ "component" $values.component) | nindent 8 }}
    # Pods of one revision count: otherwise old pods decide where new ones go.
    matchLabelKeys: [pod-template-hash]
  {{- end }}
{{- end }}
{{- with $values.nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $values.tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $values.affinity }}
affinity: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
containers:
  - name: {{ .component }}
    image: {{ include "parley.image" $ }}
    imagePullPolicy: {{ $.Values.image.pullPolicy }}
    {{- if .args }}
    args: {{ .args | toJson }}
    {{- end }}
    securityContext:
      allowPrivilegeEscalation: false
      readOnlyRootFilesystem: true
      capabilities: { drop: [ALL] }
    envFrom:
      - configMapRef: { name: {{ include "parley.name" $ }}-settings }
    {{- if or .ports $secrets }}
    env:
      {{- if .ports }}
      - { name: PORT, value: {{ $.Values.ports.http | quote }} }
      - { name: ADMIN_PORT, value: {{ $.Values.ports.admin | quote }} }
      {{- end }}
      {{- if eq .component "all-in-one" }}
      # By default its admin port is for its own machine: probes come from outside of the pod.
      - { name: ADMIN_HOST, value: 0.0.0.0 }
      {{- end }}
      {{- range $secrets }}
      - { name: {{ . }}_FILE, value: /run/secrets/parley/{{ . }} }
      {{- end }}
    {{- end }}
    {{- if .ports }}
    ports:
      {{- if ne .component "worker" }}
      - { name: http, containerPort: {{ $.Values.ports.http }} }
      {{- end }}
      - { name: admin, containerPort: {{ $.Values.ports.admin }} }
    startupProbe:
      httpGet: { path: /startupz, port: admin }
      {{- toYaml $.Values.probes.startup | nindent 6 }}
    readinessProbe:
      httpGet: { path: /readyz, port: admin }
      {{- toYaml $.Values.probes.readiness | nindent 6 }}
    livenessProbe:
      httpGet: { path: /healthz, port: admin }
      {{- toYaml $.Values.probes.liveness | nindent 6 }}
    {{- end }}
    {{- if and .life $.Values.shutdown.preStopSeconds }}
    lifecycle:
      preStop:
        sleep: { seconds: {{ $.Values.shutdown.preStopSeconds }} }
    {{- end }}
    resources: {{- toYaml $values.resources | nindent 6 }}
    volumeMounts:
      - { name: tmp, mountPath: /tmp }
      {{- if $secrets }}
      - { name: secrets, mountPath: /run/secrets/parley, readOnly: true }
      {{- end }}
      {{- if .signing }}
      - { name: signing, mountPath: /run/secrets/parley-signing, readOnly: true }
      {{- end }}
      {{- if .keys }}
      - { name: keys, mountPath: /run/secrets/parley-keys, readOnly: true }
      {{- end }}
      {{- if eq .component "all-in-one" }}
      - { name: data, mountPath: {{ $.Values.allInOne.dataPath }} }
      {{- end }}
volumes:
  - name: tmp
    emptyDir: { sizeLimit: 64Mi }
  {{- if $secrets }}
  - name: secrets
    secret:
      secretName: {{ include "parley.secretName" $ }}
      defaultMode: 0440
      items:
        {{- range $secrets }}
        - { key: {{ . }}, path: {{ . }} }
        {{- end }}
  {{- end }}
  {{- if .signing }}
  - name: signing
    secret: { secretName: {{ .signing }}, defaultMode: 0440 }
  {{- end }}
  {{- if .keys }}
  - name: keys
    secret: { secretName: {{ .keys }}, defaultMode: 0440 }
  {{- end }}
  {{- if eq .component "all-in-one" }}
  - name: data
    {{- if $.Values.allInOne.persistence.enabled }}
    persistentVolumeClaim: { claimName: {{ include "parley.name" $ }}-data }
    {{- else }}
    emptyDir: {}
    {{- end }}
  {{- end }}
{{- end -}}

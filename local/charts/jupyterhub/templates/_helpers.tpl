{{- /* Labels as the real chart writes them: the older names select pods, the recommended ones stand beside them.
       Called with (list . "component"). */}}
{{- define "jupyterhub.matchLabels" -}}
{{- $root := index . 0 -}}
app: {{ $root.Chart.Name }}
release: {{ $root.Release.Name }}
component: {{ index . 1 }}
{{- end }}

{{- define "jupyterhub.labels" -}}
{{- $root := index . 0 -}}
{{ include "jupyterhub.matchLabels" . }}
chart: {{ $root.Chart.Name }}-{{ $root.Chart.Version | replace "+" "_" }}
heritage: {{ $root.Release.Service }}
app.kubernetes.io/name: {{ $root.Chart.Name }}
app.kubernetes.io/instance: {{ $root.Release.Name }}
app.kubernetes.io/component: {{ index . 1 }}
helm.sh/chart: {{ $root.Chart.Name }}-{{ $root.Chart.Version | replace "+" "_" }}
app.kubernetes.io/managed-by: {{ $root.Release.Service }}
{{- end }}

{{- define "jupyterhub.hubServiceAccount" -}}
{{ .Values.hub.serviceAccount.name | default "hub" }}
{{- end }}

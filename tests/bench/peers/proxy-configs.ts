/** Configurations of the proxies that the benchmark compares with, each as its manual would have it for one backend and one core. */

export const caddyfile = (port: number, backend: number) => `{
  admin off
  auto_https off
}
http://127.0.0.1:${port} {
  reverse_proxy 127.0.0.1:${backend}
}
`;

/** HAProxy with nothing but what it needs, and the two options without which streams wait and aborts get lost. */
export const plainHaproxy = (port: number, backend: number) => `global
  maxconn 20000
  no strict-limits
  nbthread 1
defaults
  mode http
  option http-no-delay
  option abortonclose
  timeout connect 5s
  timeout client 60s
  timeout server 60s
frontend bench
  bind 127.0.0.1:${port}
  default_backend bench
backend bench
  server bench 127.0.0.1:${backend}
`;

export const nginx = (port: number, backend: number, folder: string) => `worker_processes 1;
daemon off;
pid ${folder}/nginx.pid;
error_log ${folder}/nginx.log;
events { worker_connections 4096; }
http {
  access_log off;
  client_body_temp_path ${folder}/nginx-body;
  proxy_temp_path ${folder}/nginx-proxy;
  fastcgi_temp_path ${folder}/nginx-fastcgi;
  uwsgi_temp_path ${folder}/nginx-uwsgi;
  scgi_temp_path ${folder}/nginx-scgi;
  upstream bench { server 127.0.0.1:${backend}; keepalive 256; }
  server {
    listen 127.0.0.1:${port};
    location / { proxy_pass http://bench; proxy_http_version 1.1; proxy_set_header Connection ""; }
  }
}
`;

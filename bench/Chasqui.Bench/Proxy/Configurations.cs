namespace Chasqui.Bench.Proxy;

/// <summary>How the proxies are told what to do: as somebody would who serves streams with care. Connections to the backend are kept, nothing is held back, each request is logged to a file.</summary>
internal static class Configurations
{
    /// <summary>nginx with one worker, which costs less for a request than two.</summary>
    public static string Nginx(string folder, int port, int backend) => $$"""
        daemon off;
        worker_processes 1;
        pid {{folder}}/nginx.pid;
        error_log {{folder}}/error.log;
        events { worker_connections 4096; }
        http {
          access_log {{folder}}/access.log;
          client_body_temp_path {{folder}}/body;
          proxy_temp_path {{folder}}/proxy;
          fastcgi_temp_path {{folder}}/fastcgi;
          uwsgi_temp_path {{folder}}/uwsgi;
          scgi_temp_path {{folder}}/scgi;
          tcp_nodelay on;
          keepalive_requests 1000000000;
          upstream nodes {
            server 127.0.0.1:{{backend}};
            keepalive 256;
            keepalive_requests 1000000000;
          }
          server {
            listen 127.0.0.1:{{port}};
            client_max_body_size 64m;
            client_body_buffer_size 256k;
            location / {
              proxy_pass http://nodes;
              proxy_http_version 1.1;
              proxy_set_header Connection "";
              proxy_buffering off;
              proxy_read_timeout 600s;
            }
          }
        }

        """;

    /// <summary>haproxy with one thread. Without <c>http-no-delay</c> it holds tokens back.</summary>
    public static string HaProxy(int port, int backend) => $"""
        global
          maxconn 4096
          nbthread 1
          log stdout format raw local0
        defaults
          mode http
          log global
          option httplog
          option http-no-delay
          option http-keep-alive
          http-reuse always
          timeout connect 5s
          timeout client 600s
          timeout server 600s
        frontend clients
          bind 127.0.0.1:{port}
          default_backend nodes
        backend nodes
          server node 127.0.0.1:{backend}

        """;

    /// <summary>Chasqui with one node and all that it does for many, but that it answers equal requests once: the load repeats itself, and each request shall be sent.</summary>
    /// <param name="url">The node's address.</param>
    /// <param name="kind">What it is: <c>ollama</c> or <c>chasqui</c>.</param>
    public static string Chasqui(string url, string kind) => $$"""
        {
          "Nodes": [{ "Name": "b", "Url": "{{url}}", "Kind": "{{kind}}", "Slots": 256 }],
          "Engine": { "Enabled": false },
          "Merging": { "Strategy": "realtime", "Share": false },
          "Cache": { "Enabled": false }
        }

        """;
}

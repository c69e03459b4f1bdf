using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Https;
using Microsoft.Extensions.DependencyInjection;

namespace Chasqui.Server;

/// <summary>Kestrel's endpoints for MCP.</summary>
internal static class WireEndpoints
{
    private static readonly SslApplicationProtocol _protocol = new("chasqui/1");

    /// <exception cref="GatewayStartException">The certificate is missing or cannot be read.</exception>
    public static void Listen(KestrelServerOptions kestrel, GatewayOptions options)
    {
        foreach (var listen in options.Wire.Resolve(options.Http))
        {
            Action<ListenOptions> serve = listen.Tls ? WithTls(Certificate(options.Wire)) : static o => o.UseConnectionHandler<WireListener>();
            Action<ListenOptions> configure = o =>
            {
                var gateway = o.ApplicationServices.GetRequiredService<WireGateway>();
                o.Use(next => connection => gateway.AdmitAsync(connection, listen.Tls, next));
                serve(o);
            };
            kestrel.ListenWire(
                listen.UnixPath is { } path ? new UnixDomainSocketEndPoint(path) : new IPEndPoint(listen.Endpoint!.Address, listen.Endpoint.Port), configure);
        }
    }

    private static Action<ListenOptions> WithTls(X509Certificate2 certificate) => listen =>
    {
        listen.UseHttps(new TlsHandshakeCallbackOptions
        {
            OnConnection = _ => ValueTask.FromResult(new SslServerAuthenticationOptions { ServerCertificate = certificate, ApplicationProtocols = [_protocol] }),
        });
        listen.UseConnectionHandler<WireListener>();
    };

    /// <summary>Whether the certificate can be used, where an address needs one.</summary>
    /// <exception cref="ConfigurationException">It cannot.</exception>
    public static void Check(GatewayOptions options)
    {
        if (options.Wire.Resolve(options.Http).Any(listen => listen.Tls))
            Certificate(options.Wire).Dispose();
    }

    private static X509Certificate2 Certificate(WireListenOptions options)
    {
        if (string.IsNullOrEmpty(options.Certificate))
            throw new ConfigurationException("Mcp:Listen has a tls:// address, so Mcp:Certificate must name the PEM file of a certificate");
        try
        {
            return X509Certificate2.CreateFromPemFile(options.Certificate, string.IsNullOrEmpty(options.CertificateKey) ? null : options.CertificateKey);
        }
        catch (Exception e) when (e is CryptographicException or IOException or UnauthorizedAccessException)
        {
            throw new ConfigurationException($"Mcp:Certificate {options.Certificate} cannot be used: {Reason(e)}", e);
        }
    }

    private static string Reason(Exception e) => e is CryptographicException
        ? "it is no certificate in PEM format, or Mcp:CertificateKey is not its private key"
        : FileProblem.WithPath(e);
}

/// <summary>One connection of Kestrel's.</summary>
internal sealed class WireListener(WireGateway gateway) : ConnectionHandler
{
    public override Task OnConnectedAsync(ConnectionContext connection) => gateway.ServeAsync(connection.Transport, ConnectionQuota.AddressOf(connection));
}

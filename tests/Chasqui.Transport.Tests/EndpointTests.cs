using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Chasqui.Transport.Endpoints;

namespace Chasqui.Transport.Tests;

/// <summary>Addresses, and connections over real sockets.</summary>
public sealed class EndpointTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("localhost", "tcp://localhost:11436")]
    [InlineData("127.0.0.1:7", "tcp://127.0.0.1:7")]
    [InlineData("tcp://[::1]:7", "tcp://[::1]:7")]
    [InlineData("tcp://host:7/", "tcp://host:7")]
    [InlineData("tls://host", "tls://host:11436")]
    [InlineData("unix:/a/b.sock", "unix:/a/b.sock")]
    [InlineData("unix:rel.sock", "unix:rel.sock")]
    [InlineData("ws://host", "ws://host:11435/ws")]
    [InlineData("ws://host:80", "ws://host:80/ws")]
    [InlineData("ws://host:5/", "ws://host:5/ws")]
    [InlineData("wss://host:5/deep/ws", "wss://host:5/deep/ws")]
    public void An_address_is_read_and_reads_again(string text, string expected)
    {
        var endpoint = WireEndpoint.Parse(text);

        Assert.Equal(expected, endpoint.ToString());
        Assert.Equal(endpoint, WireEndpoint.Parse(endpoint.ToString()));
    }

    [Theory]
    [InlineData("")]
    [InlineData("unix:")]
    [InlineData("http://host")]
    [InlineData("tcp://")]
    [InlineData("tcp://host:0")]
    [InlineData("tcp://host:65536")]
    [InlineData("tcp://host/path")]
    [InlineData("tcp://user:secret@host")]
    [InlineData("a b")]
    public void What_is_no_address_is_told_with_what_would_be(string text) =>
        Assert.Contains("tcp://host:port", Assert.Throws<FormatException>(() => WireEndpoint.Parse(text)).Message);

    [Theory]
    [InlineData(WireScheme.Tcp, false)]
    [InlineData(WireScheme.Tcp, true)]
    [InlineData(WireScheme.Unix, false)]
    [InlineData(WireScheme.Tls, false)]
    public async Task Bytes_flow_over_real_sockets_and_the_last_ones_arrive(WireScheme scheme, bool idle)
    {
        var folder = Directory.CreateTempSubdirectory("chasqui-wire-");
        using var listener = Listen(scheme, folder, out var endpoint);
        using var certificate = Certificate();
        var accepting = AcceptAsync(listener, scheme, certificate, idle);
        var pipe = await WireDialer.DialAsync(endpoint, new TlsOptions { Validate = (_, given, _, _) => given?.GetCertHashString() == certificate.GetCertHashString() }, Cancellation);
        await using var connector = Connection.Create(pipe, ConnectionRole.Connector, new ConnectionOptions { InlineReplies = false });
        await using var acceptor = await accepting.WaitAsync(Pair.Limit, Cancellation);
        await Task.WhenAll(connector.OpenAsync(Cancellation), acceptor.OpenAsync(Cancellation)).WaitAsync(Pair.Limit, Cancellation);

        foreach (var size in new[] { 0, 1, 5_000, 100_000, 3_000_000 })
        {
            using var reply = await connector.CallAsync(Pair.Op(), CallTests.Bytes(size), ct: Cancellation).AsTask().WaitAsync(Pair.Limit, Cancellation);
            Assert.True(reply.Body.Span.SequenceEqual(CallTests.Bytes(size)));
        }

        var many = Enumerable.Range(0, 2_000).Select(i => connector.CallAsync(Pair.Op(), CallTests.Bytes(i % 300), ct: Cancellation).AsTask()).ToList();
        foreach (var reply in await Task.WhenAll(many).WaitAsync(Pair.Limit, Cancellation))
            reply.Dispose();

        // A goodbye right behind the last answer costs no byte of it.
        var last = connector.CallAsync(Pair.Op("last"), CallTests.Bytes(1), ct: Cancellation).AsTask();
        using (var reply = await last.WaitAsync(Pair.Limit, Cancellation))
            Assert.Equal(500_000, reply.Body.Length);
        Assert.Equal(Protocol.ErrorCode.NoError, (await connector.Closed.WaitAsync(Pair.Limit, Cancellation)).Code);
        folder.Delete(recursive: true);
    }

    [Fact]
    public async Task A_peer_that_vanishes_ends_the_calls()
    {
        var folder = Directory.CreateTempSubdirectory("chasqui-wire-");
        using var listener = Listen(WireScheme.Tcp, folder, out var endpoint);
        var accepting = listener.AcceptAsync(Cancellation).AsTask();
        var pipe = await WireDialer.DialAsync(endpoint, null, Cancellation);
        await using var connector = Connection.Create(pipe, ConnectionRole.Connector, new ConnectionOptions());
        using var socket = await accepting;
        await socket.SendAsync(RawPeer.Hello(), Cancellation);
        await connector.OpenAsync(Cancellation);
        var call = connector.CallAsync(Pair.Op(), CallTests.Bytes(1), ct: Cancellation);

        socket.LingerState = new LingerOption(enable: true, seconds: 0);
        socket.Close();

        var error = await Assert.ThrowsAsync<ConnectionClosedException>(async () => await call);
        Assert.Equal((Protocol.ErrorCode.Truncated, false), (error.Code, error.MayRetry));
        folder.Delete(recursive: true);
    }

    private static async Task<Connection> AcceptAsync(Socket listener, WireScheme scheme, X509Certificate2 certificate, bool idle)
    {
        var socket = await listener.AcceptAsync(Cancellation);
        WirePipe pipe;
        if (scheme == WireScheme.Tls)
        {
            var secure = new SslStream(new NetworkStream(socket, ownsSocket: true));
            await secure.AuthenticateAsServerAsync(
                new SslServerAuthenticationOptions { ServerCertificate = certificate, ApplicationProtocols = [new SslApplicationProtocol("chasqui/1")] }, Cancellation);
            Assert.Equal("chasqui/1", secure.NegotiatedApplicationProtocol.ToString());
            pipe = WirePipe.Over(secure, async () => await secure.ShutdownAsync());
        }
        else
        {
            pipe = WirePipe.Over(socket, idle);
        }

        return Connection.Create(pipe, ConnectionRole.Acceptor, new ConnectionOptions(), async call =>
        {
            using var message = await call.ReadAsync() ?? default;
            var last = call.Headers["op"] == "last";
            await call.RespondAsync(Pair.Ok, last ? new byte[500_000] : message.Body.ToArray());
            if (last)
                _ = call.Connection.GoodbyeAsync(Pair.Limit, CancellationToken.None);
        });
    }

    private static Socket Listen(WireScheme scheme, DirectoryInfo folder, out WireEndpoint endpoint)
    {
        var unix = scheme == WireScheme.Unix;
        var socket = unix ? new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified) : new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        var path = Path.Combine(folder.FullName, "wire.sock");
        socket.Bind(unix ? new UnixDomainSocketEndPoint(path) : new IPEndPoint(IPAddress.Loopback, 0));
        socket.Listen();
        endpoint = unix ? new WireEndpoint(scheme, "", 0, path) : new WireEndpoint(scheme, "127.0.0.1", ((IPEndPoint)socket.LocalEndPoint!).Port, "");
        return socket;
    }

    private static X509Certificate2 Certificate()
    {
        using var key = RSA.Create(2048);
        var request = new CertificateRequest("CN=localhost", key, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        using var made = request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
        return X509CertificateLoader.LoadPkcs12(made.Export(X509ContentType.Pfx), null);
    }
}

using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Chasqui.Engines.Http1;

namespace Chasqui.Engines.Tests.Http1;

/// <summary>Connections over TLS that rest: what a node does with them meanwhile is noticed before they are used again, though the socket
/// alone would not tell.</summary>
public sealed class Http1TlsTests : IDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly X509Certificate2 _certificate = Certificate();
    private readonly Http1Pool _pool;

    public Http1TlsTests()
    {
        _listener.Start();
        var port = ((IPEndPoint)_listener.LocalEndpoint).Port;
        _pool = new Http1Pool(Http1Options.Of("n1", new Uri($"https://127.0.0.1:{port}")) with
        {
            Trust = (_, given, _, _) => given?.GetCertHashString() == _certificate.GetCertHashString(),
            ConnectTimeout = TimeSpan.FromMinutes(1),
        });
    }

    public void Dispose()
    {
        _pool.Dispose();
        _listener.Dispose();
        _certificate.Dispose();
    }

    [Fact]
    public async Task One_that_is_left_alone_is_used_again_and_reads_the_next_answer_whole()
    {
        var (connection, node) = await ConnectAsync();
        await using var _ = node;
        await ExchangeAsync(connection, node, "one");

        _pool.Return(connection);
        var again = _pool.TryTake();

        Assert.Same(connection, again);
        await ExchangeAsync(connection, node, "two");
        connection.Dispose();
    }

    [Theory]
    [InlineData("x")]
    [InlineData("HTTP/1.1 408 Request Timeout\r\nContent-Length: 4\r\n\r\nlate")]
    public async Task One_on_which_the_node_says_something_unasked_is_given_up(string surplus)
    {
        var (connection, node) = await ConnectAsync();
        await using var _ = node;
        await ExchangeAsync(connection, node, "one");
        _pool.Return(connection);

        await node.WriteAsync(Encoding.ASCII.GetBytes(surplus), Nodes.Token);

        await connection.Unasked!.WaitAsync(Nodes.Token);
        Assert.Null(_pool.TryTake());
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task One_that_the_node_closes_is_given_up(bool says)
    {
        var (connection, node) = await ConnectAsync();
        await ExchangeAsync(connection, node, "one");
        _pool.Return(connection);

        if (says)
            await node.ShutdownAsync();
        await node.DisposeAsync();

        // It may end with an error, which says the same.
        await Task.WhenAny(connection.Unasked!).WaitAsync(Nodes.Token);
        Assert.True(connection.Unasked!.IsCompleted);
        Assert.Null(_pool.TryTake());
    }

    [Fact]
    public async Task What_came_right_behind_an_answer_gives_it_up_too()
    {
        var (connection, node) = await ConnectAsync();
        await using var _ = node;
        // In one record: it is here, decrypted, when the answer has been read, and the socket has nothing more.
        await node.WriteAsync("onesurplus"u8.ToArray(), Nodes.Token);
        Assert.True(await connection.ReceiveAsync());
        Assert.Equal("one", Take(connection, 3));

        _pool.Return(connection);

        Assert.Null(_pool.TryTake());
    }

    private async Task<(Http1Connection Connection, SslStream Node)> ConnectAsync()
    {
        var accepting = AcceptAsync();
        return (await _pool.DialAsync(Nodes.Token), await accepting);
    }

    private async Task<SslStream> AcceptAsync()
    {
        var socket = await _listener.AcceptSocketAsync(Nodes.Token);
        var secure = new SslStream(new NetworkStream(socket, ownsSocket: true));
        var options = new SslServerAuthenticationOptions { ServerCertificate = _certificate, ApplicationProtocols = [SslApplicationProtocol.Http11] };
        await secure.AuthenticateAsServerAsync(options, Nodes.Token);
        return secure;
    }

    /// <summary>A request, and an answer that is read to its end.</summary>
    private static async Task ExchangeAsync(Http1Connection connection, SslStream node, string text)
    {
        await connection.SendAsync(Encoding.ASCII.GetBytes(text));
        var request = new byte[text.Length];
        await node.ReadExactlyAsync(request, Nodes.Token);
        await node.WriteAsync(request, Nodes.Token);
        Assert.True(await connection.ReceiveAsync());
        Assert.Equal(text, Take(connection, text.Length));
    }

    private static string Take(Http1Connection connection, int bytes)
    {
        var text = Encoding.ASCII.GetString(connection.Unread.Span[..bytes]);
        connection.Take(bytes);
        return text;
    }

    private static X509Certificate2 Certificate()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=node", key, HashAlgorithmName.SHA256);
        using var certificate = request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
        // A key that was made here alone cannot be used by a server everywhere.
        return X509CertificateLoader.LoadPkcs12(certificate.Export(X509ContentType.Pfx), null);
    }
}

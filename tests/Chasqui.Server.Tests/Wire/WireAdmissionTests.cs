using System.Net;
using System.Net.Sockets;
using System.Net.WebSockets;
using Chasqui.Client;
using Chasqui.Protocol;

namespace Chasqui.Server.Tests;

/// <summary>Connections that say nothing, and more of them than there is room for, keep no other out.</summary>
public sealed class WireAdmissionTests
{
    private static readonly TimeSpan _limit = TimeSpan.FromSeconds(30);

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task The_silent_connection_that_waits_longest_makes_room_for_the_next()
    {
        await using var gateway = await RunningGateway.StartAsync(
            new ScriptedEngine(), options => options with { Wire = options.Wire with { MaxSilentConnections = 2 } });
        var silent = new List<Socket>();
        for (var i = 0; i < 4; i++)
            silent.Add(await DialAsync(gateway));

        // Sockets are served in no certain order; two of the four have to go.
        var told = silent.Select(ReadAllAsync).ToList();
        var first = await Task.WhenAny(told).WaitAsync(_limit, Cancellation);
        var second = await Task.WhenAny(told.Where(one => one != first)).WaitAsync(_limit, Cancellation);
        await using var client = new ChasquiClient(GatewayHost.WireAddresses(gateway.App)[0]);

        Assert.Equal("chasqui", (await client.GetServerInfoAsync(cancellationToken: Cancellation)).Name);
        foreach (var goodbye in await Task.WhenAll(first, second))
        {
            AssertGoodbye(goodbye, ErrorCode.HandshakeTimeout, "too many");
        }
        silent.ForEach(socket => socket.Dispose());
    }

    [Fact]
    public async Task More_connections_than_there_is_room_for_are_turned_away_until_one_has_gone()
    {
        await using var gateway = await RunningGateway.StartAsync(
            new ScriptedEngine(), options => options with { Wire = options.Wire with { MaxConnections = 1 } });
        await using (var first = new ChasquiClient(GatewayHost.WireAddresses(gateway.App)[0]))
        {
            await first.GetServerInfoAsync(cancellationToken: Cancellation);
            using var second = await DialAsync(gateway);
            using var web = new ClientWebSocket();

            AssertGoodbye(await ReadAllAsync(second).WaitAsync(_limit, Cancellation), ErrorCode.Flood, "(Mcp:MaxConnections)");
            web.Options.CollectHttpResponseDetails = true;
            await Assert.ThrowsAsync<WebSocketException>(() => web.ConnectAsync(new Uri($"ws://{gateway.Address.Authority}/ws"), Cancellation));
            Assert.Equal(HttpStatusCode.ServiceUnavailable, web.HttpStatusCode);
        }

        await using var next = new ChasquiClient(GatewayHost.WireAddresses(gateway.App)[0]);
        Assert.Equal("chasqui", (await EventuallyAsync(() => next.GetServerInfoAsync(cancellationToken: Cancellation))).Name);
    }

    private static void AssertGoodbye(byte[] bytes, ErrorCode expected, string why)
    {
        var header = FrameHeader.Read(bytes);
        var (_, code, reason) = ControlPayload.ReadGoodbye(bytes.AsSpan(FrameHeader.Size, (int)header.PayloadLength));
        Assert.Equal((FrameType.Goodbye, expected), (header.Type, code));
        Assert.Contains(why, reason);
    }

    /// <summary>The place of a connection is free soon after its end was seen here.</summary>
    private static async Task<T> EventuallyAsync<T>(Func<Task<T>> ask)
    {
        using var limit = new CancellationTokenSource(_limit);
        while (true)
        {
            try
            {
                return await ask();
            }
            catch (ClientException) when (!limit.IsCancellationRequested)
            {
                // Not yet.
            }
        }
    }

    private static async Task<Socket> DialAsync(RunningGateway gateway)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync(gateway.Wire, Cancellation);
        return socket;
    }

    private static async Task<byte[]> ReadAllAsync(Socket socket)
    {
        var all = new List<byte>();
        var buffer = new byte[4_096];
        try
        {
            while (await socket.ReceiveAsync(buffer, SocketFlags.None) is > 0 and var read)
                all.AddRange(buffer.AsSpan(0, read));
        }
        catch (SocketException)
        {
            // It was cut, which is an end too.
        }
        return [.. all];
    }
}

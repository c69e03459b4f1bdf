using System.Net;
using System.Net.Sockets;
using System.Runtime.CompilerServices;

namespace Chasqui.Doubles;

/// <summary>A network that loses connections: each one carries so many bytes from the server, and is then cut on both sides, in the middle of whatever it was.</summary>
internal sealed class CuttingProxy : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _stop = new();
    private readonly IPEndPoint _server;
    private readonly Func<int> _bytes;
    private readonly Task _accepting;
    private CancellationTokenSource _cut = new();
    private StrongBox<bool> _silent = new();
    private int _cuts;

    /// <param name="server">Where the server listens.</param>
    /// <param name="bytes">How many bytes the next connection carries; called for one connection after the other.</param>
    public CuttingProxy(IPEndPoint server, Func<int> bytes)
    {
        (_server, _bytes) = (server, bytes);
        _listener.Start();
        _accepting = AcceptAsync();
    }

    /// <summary>Where clients connect.</summary>
    public string Endpoint => $"tcp://{_listener.LocalEndpoint}";

    /// <summary>Connections that were cut.</summary>
    public int Cuts => Volatile.Read(ref _cuts);

    /// <summary>Cuts those that there are.</summary>
    public Task CutAsync() => Interlocked.Exchange(ref _cut, new CancellationTokenSource()).CancelAsync();

    /// <summary>Carries nothing more over those that there are, and tells neither side; new ones are carried as ever.</summary>
    public void Silence() => Volatile.Write(ref Interlocked.Exchange(ref _silent, new StrongBox<bool>()).Value, true);

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        _listener.Stop();
        await _accepting;
        _stop.Dispose();
        _cut.Dispose();
    }

    private async Task AcceptAsync()
    {
        var running = new List<Task>();
        try
        {
            while (true)
            {
                var client = await _listener.AcceptTcpClientAsync(_stop.Token);
                running.RemoveAll(task => task.IsCompleted);
                running.Add(CarryAsync(client, _bytes(), Volatile.Read(ref _silent)));
            }
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            await Task.WhenAll(running);
        }
    }

    private async Task CarryAsync(TcpClient client, int bytes, StrongBox<bool> silent)
    {
        using var server = new TcpClient();
        using (client)
        {
            try
            {
                client.NoDelay = server.NoDelay = true;
                await server.ConnectAsync(_server, _stop.Token);
                using var end = CancellationTokenSource.CreateLinkedTokenSource(_stop.Token, _cut.Token);
                var up = CopyAsync(client.GetStream(), server.GetStream(), int.MaxValue, silent, end.Token);
                var down = CopyAsync(server.GetStream(), client.GetStream(), bytes, silent, end.Token);
                if (await Task.WhenAny(up, down) == down && await down)
                    Interlocked.Increment(ref _cuts);
                await end.CancelAsync();
                await Task.WhenAll(up, down);
            }
            catch (Exception e) when (e is IOException or SocketException or OperationCanceledException)
            {
                // One of the two has left, or the proxy does.
            }
            // What is under way is lost, as it is when a network fails.
            client.LingerState = server.LingerState = new LingerOption(true, 0);
        }
    }

    /// <returns>Whether all that it may carry was carried.</returns>
    private static async Task<bool> CopyAsync(NetworkStream from, NetworkStream to, int bytes, StrongBox<bool> silent, CancellationToken cancellationToken)
    {
        var buffer = new byte[4096];
        try
        {
            while (bytes > 0)
            {
                var read = await from.ReadAsync(buffer.AsMemory(0, Math.Min(bytes, buffer.Length)), cancellationToken);
                if (read == 0)
                    return false;
                if (Volatile.Read(ref silent.Value))
                    continue;
                await to.WriteAsync(buffer.AsMemory(0, read), cancellationToken);
                bytes -= read;
            }
            return true;
        }
        catch (Exception e) when (e is IOException or OperationCanceledException)
        {
            return false;
        }
    }
}

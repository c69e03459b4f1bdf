using Chasqui.Bench.Peers.Loads;
using Chasqui.Bench.Peers.Servers;

namespace Chasqui.Bench.Peers.Clients;

/// <summary>Streams of chats over HTTP/1.1, each on a thread and a connection of its own.</summary>
internal sealed class NodeClient(int port) : IClientPeer
{
    private int _begun = -1;

    public Task ConnectAsync(int connections) => Task.CompletedTask;

    public IUnaryCaller Caller(int connection) => throw new NotSupportedException("whole answers have a load of their own");

    public Task StreamAsync(int connection, int tokens, TokenCounter counter, CancellationToken cancellationToken) => Task.Factory.StartNew(
        () =>
        {
            NodeStagger.Wait(Interlocked.Increment(ref _begun), cancellationToken);
            using var conversation = new NodeConversation(port);
            // The connection is closed under the reader, which a blocking read has no other way to learn.
            using var stop = cancellationToken.Register(conversation.Dispose);
            while (!cancellationToken.IsCancellationRequested)
                conversation.Stream(counter);
        },
        cancellationToken, TaskCreationOptions.LongRunning, TaskScheduler.Default);

    public ValueTask DisposeAsync() => default;
}

/// <summary>Begins the streams one after the other, so that they do not all end together.</summary>
internal static class NodeStagger
{
    public static void Wait(int stream, CancellationToken cancellationToken) => cancellationToken.WaitHandle.WaitOne(Pause(stream));

    public static TimeSpan Pause(int stream) => TimeSpan.FromMilliseconds(stream % NodeAnswers.Tokens * 20);
}

using System.Runtime.CompilerServices;
using System.Threading.Channels;

namespace Chasqui.Engines.Models.Managed.Registry;

/// <summary>Lets all who want one model share one transfer, which ends when the last of them has left. Thread-safe.</summary>
internal sealed class SharedPulls(Func<RegistryReference, IProgressSink, CancellationToken, Task> pull) : IAsyncDisposable
{
    private readonly Lock _gate = new();
    private readonly Dictionary<string, Transfer> _running = new(StringComparer.Ordinal);
    private bool _closed;

    /// <summary>Begins a transfer or joins one; what it has said so far comes first.</summary>
    public async IAsyncEnumerable<ModelProgress> RunAsync(RegistryReference reference, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        var (transfer, reader) = await JoinAsync(reference, cancellationToken).ConfigureAwait(false);
        try
        {
            await foreach (var progress in reader.Reader.ReadAllAsync(cancellationToken).ConfigureAwait(false))
                yield return progress;
        }
        finally
        {
            await LeaveAsync(transfer, reader).ConfigureAwait(false);
        }
    }

    public async ValueTask DisposeAsync()
    {
        List<Transfer> running;
        lock (_gate)
        {
            _closed = true;
            running = [.. _running.Values];
        }
        foreach (var transfer in running)
        {
            await transfer.Stop.CancelAsync().ConfigureAwait(false);
            await transfer.Ended.ConfigureAwait(false);
        }
    }

    private async Task<(Transfer Transfer, Channel<ModelProgress> Reader)> JoinAsync(RegistryReference reference, CancellationToken cancellationToken)
    {
        while (true)
        {
            Task ending;
            lock (_gate)
            {
                ObjectDisposedException.ThrowIf(_closed, this);
                if (!_running.TryGetValue(reference.Key, out var transfer))
                {
                    transfer = _running[reference.Key] = new Transfer(reference.Key);
                    var reader = transfer.Join();
                    transfer.Ended = Task.Run(() => RunAsync(transfer, reference), CancellationToken.None);
                    return (transfer, reader);
                }
                if (!transfer.Stop.IsCancellationRequested)
                    return (transfer, transfer.Join());
                ending = transfer.Ended;
            }
            // The last of its readers has just left; what it has fetched is gone on with.
            await ending.WaitAsync(cancellationToken).ConfigureAwait(false);
        }
    }

    private async Task RunAsync(Transfer transfer, RegistryReference reference)
    {
        Exception? failure = null;
        try
        {
            await pull(reference, transfer, transfer.Stop.Token).ConfigureAwait(false);
        }
        catch (Exception e)
        {
            failure = e is IOException or UnauthorizedAccessException ? StoreFiles.Failure(e) : e;
        }
        lock (_gate)
            _running.Remove(transfer.Key);
        transfer.End(failure);
    }

    private async Task LeaveAsync(Transfer transfer, Channel<ModelProgress> reader)
    {
        bool last;
        lock (_gate)
            last = transfer.Leave(reader);
        if (!last)
            return;
        await transfer.Stop.CancelAsync().ConfigureAwait(false);
        await transfer.Ended.ConfigureAwait(false);
        transfer.Stop.Dispose();
    }

    private sealed class Transfer(string key) : IProgressSink
    {
        // A reader that is slower than this misses counts in between.
        private const int Buffer = 512;

        private readonly Lock _lock = new();
        private readonly List<ModelProgress> _said = [];
        private readonly List<Channel<ModelProgress>> _readers = [];
        private Exception? _failure;
        private bool _ended;

        public string Key { get; } = key;

        public CancellationTokenSource Stop { get; } = new();

        public Task Ended { get; set; } = Task.CompletedTask;

        public ValueTask SayAsync(ModelProgress progress)
        {
            Count(progress);
            return ValueTask.CompletedTask;
        }

        public void Count(ModelProgress progress)
        {
            lock (_lock)
            {
                // Of each part the latest is enough for who comes later.
                var at = progress.Digest is null ? -1 : _said.FindIndex(said => said.Digest == progress.Digest);
                if (at >= 0)
                    _said[at] = progress;
                else
                    _said.Add(progress);
                foreach (var reader in _readers)
                    reader.Writer.TryWrite(progress);
            }
        }

        public Channel<ModelProgress> Join()
        {
            lock (_lock)
            {
                var reader = Channel.CreateBounded<ModelProgress>(new BoundedChannelOptions(Buffer) { FullMode = BoundedChannelFullMode.DropOldest, SingleReader = true });
                foreach (var progress in _said)
                    reader.Writer.TryWrite(progress);
                if (_ended)
                    reader.Writer.Complete(_failure);
                _readers.Add(reader);
                return reader;
            }
        }

        public bool Leave(Channel<ModelProgress> reader)
        {
            lock (_lock)
            {
                _readers.Remove(reader);
                return _readers.Count == 0;
            }
        }

        public void End(Exception? failure)
        {
            lock (_lock)
            {
                (_ended, _failure) = (true, failure);
                foreach (var reader in _readers)
                    reader.Writer.TryComplete(failure);
            }
        }
    }
}

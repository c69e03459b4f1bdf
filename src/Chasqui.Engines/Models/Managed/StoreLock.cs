namespace Chasqui.Engines.Models.Managed;

/// <summary>Lets one at a time decide what is in the store, among all processes that use the folder. Held for moments, never during a transfer.</summary>
internal sealed class StoreLock(string folder, TimeProvider time) : IDisposable
{
    private static readonly TimeSpan _pause = TimeSpan.FromMilliseconds(20);
    private static readonly TimeSpan _patience = TimeSpan.FromSeconds(30);

    private readonly SemaphoreSlim _here = new(1);

    /// <summary>Waits for the lock.</summary>
    /// <returns>To be disposed when all is decided.</returns>
    /// <exception cref="EngineUnavailableException">Another process has held it for 30 s.</exception>
    public async Task<IDisposable> AcquireAsync(CancellationToken cancellationToken)
    {
        await _here.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            return new Held(_here, await OpenAsync(cancellationToken).ConfigureAwait(false));
        }
        catch
        {
            _here.Release();
            throw;
        }
    }

    public void Dispose() => _here.Dispose();

    private async Task<FileStream> OpenAsync(CancellationToken cancellationToken)
    {
        Directory.CreateDirectory(folder);
        var path = Path.Combine(folder, ".lock");
        var began = time.GetTimestamp();
        while (true)
        {
            try
            {
                return new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, 1);
            }
            catch (IOException e) when (e is not (DirectoryNotFoundException or PathTooLongException))
            {
                if (time.GetElapsedTime(began) > _patience)
                    throw new EngineUnavailableException("the model store is in use by another process; try again later", e);
            }
            await Task.Delay(_pause, time, cancellationToken).ConfigureAwait(false);
        }
    }

    private sealed class Held(SemaphoreSlim here, FileStream file) : IDisposable
    {
        public void Dispose()
        {
            file.Dispose();
            here.Release();
        }
    }
}

using System.Text.Json;
using Chasqui.Bench.Wire;

namespace Chasqui.Bench.Peers;

/// <summary>The line to the program that measures: a command is read, an answer is written.</summary>
internal sealed class Control(Stream input, Stream output) : IDisposable
{
    private readonly StreamReader _reader = new(input);

    public async Task RunAsync(Func<PeerCommand, Task<PeerAnswer>> handle)
    {
        while (await _reader.ReadLineAsync() is { } line)
        {
            PeerAnswer answer;
            try
            {
                answer = await handle(JsonSerializer.Deserialize(line, PeerJson.Default.PeerCommand)!);
            }
            catch (Exception e)
            {
                // The other side stops the measurement and shows it.
                answer = new PeerAnswer { Error = $"{e.GetType().Name}: {e.Message}" };
            }
            await SayAsync(answer);
        }
    }

    public async Task SayAsync(PeerAnswer answer)
    {
        await output.WriteAsync(JsonSerializer.SerializeToUtf8Bytes(answer, PeerJson.Default.PeerAnswer));
        await output.WriteAsync("\n"u8.ToArray());
        await output.FlushAsync();
    }

    public void Dispose() => _reader.Dispose();
}

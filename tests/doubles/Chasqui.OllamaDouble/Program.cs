using System.Globalization;
using Chasqui.OllamaDouble;

// OllamaDouble [--port N] [--script FILE]: prints its address, and ends on Ctrl-C or with its standard input.
var port = 0;
var script = new DoubleScript();
try
{
    for (var i = 0; i < args.Length; i += 2)
    {
        var value = i + 1 < args.Length ? args[i + 1] : throw new ArgumentException($"{args[i]} needs a value");
        switch (args[i])
        {
            case "--port":
                if (!int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out port) || port > 65_535)
                    throw new ArgumentException($"--port is \"{value}\"; it must be from 0 to 65535");
                break;
            case "--script":
                script = ScriptJson.Parse(await File.ReadAllTextAsync(value).ConfigureAwait(false));
                break;
            default:
                throw new ArgumentException($"unknown option {args[i]}; there are --port N and --script FILE");
        }
    }
}
catch (Exception problem) when (problem is ArgumentException or IOException or UnauthorizedAccessException)
{
    await Console.Error.WriteLineAsync(problem.Message).ConfigureAwait(false);
    return 2;
}

using var ended = new CancellationTokenSource();
Console.CancelKeyPress += (_, press) =>
{
    press.Cancel = true;
    ended.Cancel();
};
var node = await OllamaDouble.StartAsync(script, port: port, cancellation: ended.Token).ConfigureAwait(false);
await using var stopped = node.ConfigureAwait(false);
Console.WriteLine(node.Address);
_ = Task.Run(async () =>
{
    while (await Console.In.ReadLineAsync().ConfigureAwait(false) is not null)
    {
    }
    await ended.CancelAsync().ConfigureAwait(false);
});
await Task.Delay(Timeout.Infinite, ended.Token).ContinueWith(_ => { }, TaskScheduler.Default).ConfigureAwait(false);
return 0;

using Chasqui.Fuzz;
using SharpFuzz;

// chasqui-fuzz TARGET          under libFuzzer, which SharpFuzz's driver starts
// chasqui-fuzz TARGET FILE…    each file once, to see again what was found
if (args.Length == 0 || !Targets.All.TryGetValue(args[0], out var target))
{
    Console.Error.WriteLine($"chasqui-fuzz TARGET [FILE…]; the targets are {string.Join(", ", Targets.All.Keys)}");
    return 2;
}

if (args.Length == 1)
{
    Fuzzer.LibFuzzer.Run(bytes => target(bytes));
    return 0;
}

foreach (var file in args.Skip(1))
{
    target(File.ReadAllBytes(file));
    Console.WriteLine($"{file}: ends as documented");
}

return 0;
